_lookaside() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="lookaside"
                ;;
            lookaside,compare)
                cmd="lookaside__subcmd__compare"
                ;;
            lookaside,help)
                cmd="lookaside__subcmd__help"
                ;;
            lookaside,record)
                cmd="lookaside__subcmd__record"
                ;;
            lookaside,replay)
                cmd="lookaside__subcmd__replay"
                ;;
            lookaside,switches)
                cmd="lookaside__subcmd__switches"
                ;;
            lookaside,tags)
                cmd="lookaside__subcmd__tags"
                ;;
            lookaside,tune)
                cmd="lookaside__subcmd__tune"
                ;;
            lookaside__subcmd__help,compare)
                cmd="lookaside__subcmd__help__subcmd__compare"
                ;;
            lookaside__subcmd__help,help)
                cmd="lookaside__subcmd__help__subcmd__help"
                ;;
            lookaside__subcmd__help,record)
                cmd="lookaside__subcmd__help__subcmd__record"
                ;;
            lookaside__subcmd__help,replay)
                cmd="lookaside__subcmd__help__subcmd__replay"
                ;;
            lookaside__subcmd__help,switches)
                cmd="lookaside__subcmd__help__subcmd__switches"
                ;;
            lookaside__subcmd__help,tags)
                cmd="lookaside__subcmd__help__subcmd__tags"
                ;;
            lookaside__subcmd__help,tune)
                cmd="lookaside__subcmd__help__subcmd__tune"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        lookaside)
            opts="-h -V --help --version compare replay tags record tune switches help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__compare)
            opts="-h --quick --json --report --lists --foreign --memory --latency --global --pools --nodes --all --workload --contender --ahead --rounds --size --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --report)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --workload)
                    COMPREPLY=($(compgen -W "pair batch128 random pair-2t random-2t handoff oversubscribed burst-idle bulk8 bulk32 bulk128 memory-burst memory-fragments memory-lists memory-handoff larson xmalloc cache-thrash cache-scratch sh6bench mstress latency-hits latency-hits-over latency-misses latency-misses-over trace json query syntax regex maps server special special-many nonpaged list map set unordered-map btree linked-hash-map" -- "${cur}"))
                    return 0
                    ;;
                --contender)
                    COMPREPLY=($(compgen -W "vec tls-vec mutex-vec arrayqueue slist slist-turns lockfree-object-pool opool sharded-slab heapless boost-pool boost-singleton-pool foonathan foonathan-mutex dpdk dpdk-user-cache glibc jemalloc mimalloc gperftools general lookaside lookaside-own-rseq lookaside-slots lookaside-trylock lookaside-heap lookaside-bulk lookaside-cache lookaside-c lookaside-c-inline small-pool small-pool-tagged wdm wdm-general ring system by-hand first-touch pmr-sync pmr-unsync boost-fast-pool boost-fast-pool-unsync lookaside-pmr" -- "${cur}"))
                    return 0
                    ;;
                --ahead)
                    COMPREPLY=($(compgen -W "vec tls-vec mutex-vec arrayqueue slist slist-turns lockfree-object-pool opool sharded-slab heapless boost-pool boost-singleton-pool foonathan foonathan-mutex dpdk dpdk-user-cache glibc jemalloc mimalloc gperftools general lookaside lookaside-own-rseq lookaside-slots lookaside-trylock lookaside-heap lookaside-bulk lookaside-cache lookaside-c lookaside-c-inline small-pool small-pool-tagged wdm wdm-general ring system by-hand first-touch pmr-sync pmr-unsync boost-fast-pool boost-fast-pool-unsync lookaside-pmr" -- "${cur}"))
                    return 0
                    ;;
                --rounds)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --size)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__help)
            opts="compare replay tags record tune switches help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__help__subcmd__compare)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__help__subcmd__record)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__help__subcmd__replay)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__help__subcmd__switches)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__help__subcmd__tags)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__help__subcmd__tune)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__record)
            opts="-o -h --output --limit --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --output)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -o)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --limit)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__replay)
            opts="-h --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__switches)
            opts="-h --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__tags)
            opts="-h --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        lookaside__subcmd__tune)
            opts="-h --load --seconds --idle --general --svg --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --load)
                    COMPREPLY=($(compgen -W "burst wave phases idle" -- "${cur}"))
                    return 0
                    ;;
                --seconds)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --idle)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --svg)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _lookaside -o nosort -o bashdefault -o default lookaside
else
    complete -F _lookaside -o bashdefault -o default lookaside
fi
