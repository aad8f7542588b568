# figures.csv of a report as a table: a row for each contender of the set, a column for each workload, by its first measure or
# by the one that is named. Variables: set, digits behind the point, and measure or nothing.
function shown(x) { return sprintf(x < 99.95 ? "%." digits "f" : "%.0f", x) }
NR == 1 { for (c = 1; c <= NF; c++) at[$c] = c; next }
$at["set"] == set {
    workload = $at["workload"]; contender = $at["contender"]
    if (measure != "" && $at["measure"] != measure) next
    if (!(workload in first)) { first[workload] = $at["measure"]; head[++columns] = workload }
    if ($at["measure"] != first[workload]) next
    if (!(contender in row)) { row[contender] = ++rows; side[rows] = contender }
    cell[contender, workload] = shown($at["min"]) " (" shown($at["median"]) ")"
}
END {
    line = "| |"; rule = "|---|"
    for (c = 1; c <= columns; c++) { line = line " " head[c] " |"; rule = rule "---|" }
    print line "\n" rule
    for (r = 1; r <= rows; r++) {
        name = side[r] == "lookaside" ? "**lookaside**" : side[r]
        line = "| " name " |"
        for (c = 1; c <= columns; c++) {
            key = side[r] SUBSEP head[c]
            line = line " " (key in cell ? cell[key] : "-") " |"
        }
        print line
    }
    if (rows == 0) { print "the report has nothing of the set " set > "/dev/stderr"; exit 1 }
}
