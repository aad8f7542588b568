//! The tables of `docs/scaling.md` follow from each other: a lock that serves less than it is asked for sets the pace.

use std::collections::HashMap;

const PAGE: &str = include_str!("../../../docs/scaling.md");

/// The rows of the table below this header, cell by cell.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let table = PAGE.split_once(header).unwrap_or_else(|| panic!("the page has no table {header}")).1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

struct Costs(HashMap<&'static str, f64>);

impl Costs {
    fn read() -> Self {
        let costs = rows("| cost | ns | what it is |").into_iter();
        Self(costs.map(|row| (row[0], row[1].parse().expect("a number"))).collect())
    }

    fn of(&self, name: &str) -> f64 {
        self.0[name]
    }

    /// How many processors one lock serves at full speed, with lines that travel this long.
    fn serves(&self, work: f64, batch: f64, journey: f64) -> f64 {
        let between = batch * (work + self.of("hit") / 2.0) + self.of("miss") + batch * self.of("miss_block");
        let away = self.of("away") + batch * self.of("away_block");
        let section = self.of("here") + batch * self.of("here_block") + away * journey / self.of("line");
        between / section + 1.0
    }
}

/// Each figure of the page, from the costs of the page.
#[test]
fn the_page_follows_from_its_costs() {
    let costs = Costs::read();
    let header = "| work, ns | batch | serves, near | serves, far | at 8 | at 16 | at 32 | at 64 | at 128 |";
    let table = rows(header);
    assert_eq!(table.len(), 6);
    for row in table {
        let [work, batch] = [row[0], row[1]].map(|cell| cell.parse::<f64>().expect("a number"));
        let [near, far] = ["near", "far"].map(|journey| costs.serves(work, batch, costs.of(journey)));
        let left = [8.0, 16.0, 32.0, 64.0, 128.0].map(|processors| {
            let serves = if processors <= 16.0 { near } else { far };
            100.0 * f64::min(1.0, serves / processors)
        });
        let figures: Vec<String> = [near, far].into_iter().chain(left).map(|figure| format!("{figure:.0}")).collect();
        assert_eq!(row[2..], figures, "{work}, {batch}");
    }
}

/// What is concluded, and built: one list serves 16 processors and not 32; a division serves the 8 that it has.
#[test]
fn divisions_are_of_eight() {
    let costs = Costs::read();
    let [near, far] = ["near", "far"].map(|journey| costs.serves(100.0, 64.0, costs.of(journey)));
    assert!(near > 16.0 && far < 0.8 * 32.0, "{near}, {far}");
    assert!(near > 2.0 * 8.0, "{near}");
}
