-- What traces/sqlite-index.trace recorded: fill a table with text of many lengths, index it, search, join, change, drop.
CREATE TABLE parts(id INTEGER PRIMARY KEY, name TEXT, note TEXT, price REAL, maker INTEGER);
CREATE TABLE makers(id INTEGER PRIMARY KEY, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
INSERT INTO makers SELECT i, 'maker ' || printf('%05d', i * 7919 % 10007) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000)
INSERT INTO parts
SELECT i, 'part ' || printf('%x', i * 2654435761 % 4294967296), substr(hex(zeroblob(300)), 1, i * 7919 % 509), i % 997 / 4.0, i * 31 % 300 + 1 FROM n;
CREATE INDEX parts_by_name ON parts(name);
CREATE INDEX parts_by_maker ON parts(maker, price);
CREATE INDEX parts_by_note ON parts(length(note), note);
SELECT count(*), max(length(note)) FROM parts WHERE name BETWEEN 'part 3' AND 'part 5';
SELECT m.name, count(*), group_concat(substr(p.name, 6, 2)) FROM parts p JOIN makers m ON m.id = p.maker WHERE p.price > 240 GROUP BY m.name ORDER BY 2 DESC, 1 LIMIT 3;
UPDATE parts SET name = upper(name) || '/' || maker WHERE id % 3 = 0;
SELECT count(DISTINCT replace(lower(name), 'a', 'bb')) FROM parts;
DELETE FROM parts WHERE price < 20;
SELECT avg(length(note)), total(price) FROM (SELECT note, price FROM parts ORDER BY price DESC, name LIMIT 2000);
DROP INDEX parts_by_note;
