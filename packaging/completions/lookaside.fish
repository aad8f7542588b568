# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_lookaside_global_optspecs
    string join \n h/help V/version
end

function __fish_lookaside_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_lookaside_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_lookaside_using_subcommand
    set -l cmd (__fish_lookaside_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c lookaside -n "__fish_lookaside_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookaside -n "__fish_lookaside_needs_command" -s V -l version -d 'Print version'
complete -c lookaside -n "__fish_lookaside_needs_command" -f -a "compare" -d 'Time the workloads on lookaside lists and on their rivals'
complete -c lookaside -n "__fish_lookaside_needs_command" -f -a "replay" -d 'Replay one recorded trace over lookaside lists and over their rivals'
complete -c lookaside -n "__fish_lookaside_needs_command" -f -a "tags" -d 'Replay a trace through tagged small-pool calls and print the usage by tag, as poolmon shows it'
complete -c lookaside -n "__fish_lookaside_needs_command" -f -a "record" -d 'Run a program and record what it allocates and frees'
complete -c lookaside -n "__fish_lookaside_needs_command" -f -a "tune" -d 'Show how lists tune themselves: depth, hits and kept memory over time'
complete -c lookaside -n "__fish_lookaside_needs_command" -f -a "switches" -d 'Print the environment variables that the library and this command read'
complete -c lookaside -n "__fish_lookaside_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l report -d 'Write index.html, report.md, figures.csv and figures.json into this folder' -r -F
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l workload -d 'Only these workloads; without a flag that names a set, of whichever set they are' -r -f -a "pair\t''
batch128\t''
random\t''
pair-2t\t''
random-2t\t''
handoff\t''
oversubscribed\t''
burst-idle\t''
bulk8\t''
bulk32\t''
bulk128\t''
memory-burst\t''
memory-fragments\t''
memory-lists\t''
memory-handoff\t''
larson\t''
xmalloc\t''
cache-thrash\t''
cache-scratch\t''
sh6bench\t''
mstress\t''
latency-hits\t''
latency-hits-over\t''
latency-misses\t''
latency-misses-over\t''
trace\t''
json\t''
query\t''
syntax\t''
regex\t''
maps\t''
server\t''
special\t''
special-many\t''
nonpaged\t''
list\t''
map\t''
set\t''
unordered-map\t''
btree\t''
linked-hash-map\t''"
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l contender -d 'Only these contenders' -r -f -a "vec\t''
tls-vec\t''
mutex-vec\t''
arrayqueue\t''
slist\t''
slist-turns\t''
lockfree-object-pool\t''
opool\t''
sharded-slab\t''
heapless\t''
boost-pool\t''
boost-singleton-pool\t''
foonathan\t''
foonathan-mutex\t''
dpdk\t''
dpdk-user-cache\t''
glibc\t''
jemalloc\t''
mimalloc\t''
gperftools\t''
general\t''
lookaside\t''
lookaside-own-rseq\t''
lookaside-slots\t''
lookaside-trylock\t''
lookaside-heap\t''
lookaside-bulk\t''
lookaside-cache\t''
lookaside-c\t''
lookaside-c-inline\t''
small-pool\t''
small-pool-tagged\t''
wdm\t''
wdm-general\t''
ring\t''
system\t''
by-hand\t''
first-touch\t''
pmr-sync\t''
pmr-unsync\t''
boost-fast-pool\t''
boost-fast-pool-unsync\t''
lookaside-pmr\t''"
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l ahead -d 'Fail where the fastest round of one of these is slower than that of the fastest malloc' -r -f -a "vec\t''
tls-vec\t''
mutex-vec\t''
arrayqueue\t''
slist\t''
slist-turns\t''
lockfree-object-pool\t''
opool\t''
sharded-slab\t''
heapless\t''
boost-pool\t''
boost-singleton-pool\t''
foonathan\t''
foonathan-mutex\t''
dpdk\t''
dpdk-user-cache\t''
glibc\t''
jemalloc\t''
mimalloc\t''
gperftools\t''
general\t''
lookaside\t''
lookaside-own-rseq\t''
lookaside-slots\t''
lookaside-trylock\t''
lookaside-heap\t''
lookaside-bulk\t''
lookaside-cache\t''
lookaside-c\t''
lookaside-c-inline\t''
small-pool\t''
small-pool-tagged\t''
wdm\t''
wdm-general\t''
ring\t''
system\t''
by-hand\t''
first-touch\t''
pmr-sync\t''
pmr-unsync\t''
boost-fast-pool\t''
boost-fast-pool-unsync\t''
lookaside-pmr\t''"
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l rounds -d 'Rounds of each contender in each workload [default: 25, with --quick up to 5]' -r
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l size -d 'Bytes in a block [default: 64]' -r
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l quick -d 'Few rounds, and only the best known contenders: the set --lists takes less than a minute'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l json -d 'Print the figures as one JSON array, and nothing else'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l lists -d 'Lists beside allocators and pools, on workloads of one size of block'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l foreign -d 'Published workloads of others: larson, xmalloc, mstress, false sharing, ...'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l memory -d 'Memory that is resident, instead of time'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l latency -d 'Percentiles of single calls, hits and misses'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l global -d 'Whole programs on several global allocators'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l pools -d 'The library\'s special and nonpaged pools beside the same work by hand'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l nodes -d 'Containers of C++ with their nodes from several allocators and pools'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -l all -d 'All of these sets'
complete -c lookaside -n "__fish_lookaside_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookaside -n "__fish_lookaside_using_subcommand replay" -s h -l help -d 'Print help'
complete -c lookaside -n "__fish_lookaside_using_subcommand tags" -l json -d 'Print the rows as one JSON array, and nothing else'
complete -c lookaside -n "__fish_lookaside_using_subcommand tags" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookaside -n "__fish_lookaside_using_subcommand record" -s o -l output -d 'The file for the trace' -r -F
complete -c lookaside -n "__fish_lookaside_using_subcommand record" -l limit -d 'Stop recording after this number of allocations and frees' -r
complete -c lookaside -n "__fish_lookaside_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l load -d 'Only these kinds of artificial traffic' -r -f -a "burst\t''
wave\t''
phases\t''
idle\t''"
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l size -d 'Bytes in a block of artificial traffic' -r
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l seconds -d 'Seconds that the operations of a trace are spread over' -r
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l idle -d 'Idle seconds after a trace' -r
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l adjust -d 'Seconds from one call of adjust_depth to the next with the manual schedule' -r
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l svg -d 'The file for the picture' -r -F
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l measure -d 'Which load, and under which schedule, this process measures; the command starts it' -r
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l general -d 'General lists (one for all processors, as a Windows driver has) instead of pairs (one for each processor, and a shared one)'
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l real -d 'Run in real time, which takes as long as the longest traffic lasts'
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -l json -d 'Print everything as one JSON object, and nothing else'
complete -c lookaside -n "__fish_lookaside_using_subcommand tune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookaside -n "__fish_lookaside_using_subcommand switches" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookaside -n "__fish_lookaside_using_subcommand help; and not __fish_seen_subcommand_from compare replay tags record tune switches help" -f -a "compare" -d 'Time the workloads on lookaside lists and on their rivals'
complete -c lookaside -n "__fish_lookaside_using_subcommand help; and not __fish_seen_subcommand_from compare replay tags record tune switches help" -f -a "replay" -d 'Replay one recorded trace over lookaside lists and over their rivals'
complete -c lookaside -n "__fish_lookaside_using_subcommand help; and not __fish_seen_subcommand_from compare replay tags record tune switches help" -f -a "tags" -d 'Replay a trace through tagged small-pool calls and print the usage by tag, as poolmon shows it'
complete -c lookaside -n "__fish_lookaside_using_subcommand help; and not __fish_seen_subcommand_from compare replay tags record tune switches help" -f -a "record" -d 'Run a program and record what it allocates and frees'
complete -c lookaside -n "__fish_lookaside_using_subcommand help; and not __fish_seen_subcommand_from compare replay tags record tune switches help" -f -a "tune" -d 'Show how lists tune themselves: depth, hits and kept memory over time'
complete -c lookaside -n "__fish_lookaside_using_subcommand help; and not __fish_seen_subcommand_from compare replay tags record tune switches help" -f -a "switches" -d 'Print the environment variables that the library and this command read'
complete -c lookaside -n "__fish_lookaside_using_subcommand help; and not __fish_seen_subcommand_from compare replay tags record tune switches help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
