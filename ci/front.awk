# The five rows of docs/figures.md that the README shows: a table, and in the file `svg` a chart of bars.
BEGIN { rows = split("vec lookaside jemalloc mimalloc glibc", row, " "); label["vec"] = "`Vec` of one thread"; label["lookaside"] = "**lookaside**" }
/^<!-- figures: end/ { exit }
/^## / { model[++models] = substr($0, 4); table = 0 }
/^\| \|/ { table++; pair = 0; fields = split($0, head, / *\| */); for (f in head) if (head[f] == "pair") pair = f }
/^\| / && table == 1 && pair {
    split($0, cell, / *\| */); gsub(/\*/, "", cell[2])
    ns[models, cell[2]] = sprintf("%.1f", cell[pair]) + 0
}
/^Measured on / { date[models] = substr($3, 1, 10) }
END {
    line = "|"; rule = "|---|"
    for (m = 1; m <= models; m++) { line = line " | " model[m] ", " date[m]; rule = rule "---|" }
    print line " |\n" rule
    for (r = 1; r <= rows; r++) {
        line = "| " (row[r] in label ? label[row[r]] : row[r])
        for (m = 1; m <= models; m++) {
            if (!((m, row[r]) in ns)) { print model[m] " has no row " row[r] > "/dev/stderr"; exit 1 }
            line = line " | " sprintf("%.1f", ns[m, row[r]])
            if (ns[m, row[r]] > most + 0) most = ns[m, row[r]] + 0
        }
        print line " |"
    }
    width = 90 + 320 * models
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n", width, 40 + 22 * rows, width > svg
    print "<title>Nanoseconds for one allocate plus one free of a cached 64-byte block; shorter is faster</title>" > svg
    print "<style>text{fill:#222}rect{fill:#9ab}.ours{fill:#2a7}@media(prefers-color-scheme:dark){text{fill:#ddd}rect{fill:#678}.ours{fill:#3b8}}</style>" > svg
    for (r = 1; r <= rows; r++)
        printf "<text x=\"80\" y=\"%d\" text-anchor=\"end\">%s</text>\n", 22 * r + 25, row[r] == "vec" ? "Vec" : row[r] > svg
    for (m = 1; m <= models; m++) {
        left = 90 + 320 * (m - 1)
        printf "<text x=\"%d\" y=\"20\">%s, %s: ns</text>\n", left, model[m], date[m] > svg
        for (r = 1; r <= rows; r++) {
            bar = 240 * ns[m, row[r]] / most
            printf "<rect x=\"%d\" y=\"%d\" width=\"%.0f\" height=\"16\"%s/>", left, 22 * r + 12, bar, row[r] == "lookaside" ? " class=\"ours\"" : "" > svg
            printf "<text x=\"%.0f\" y=\"%d\">%.1f</text>\n", left + bar + 6, 22 * r + 25, ns[m, row[r]] > svg
        }
    }
    print "</svg>" > svg
}
