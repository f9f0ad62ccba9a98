# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_evt_global_optspecs
    string join \n p/profile= config= o/output= json q/quiet v/verbose color= no-input url= org= token= h/help V/version
end

function __fish_evt_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_evt_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_evt_using_subcommand
    set -l cmd (__fish_evt_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c evt -n "__fish_evt_needs_command" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_needs_command" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_needs_command" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_needs_command" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_needs_command" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_needs_command" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_needs_command" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_needs_command" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_needs_command" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_needs_command" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_needs_command" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_needs_command" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_needs_command" -s V -l version -d 'Print the version'
complete -c evt -n "__fish_evt_needs_command" -f -a "demo" -d 'Show what evt does, with real commands, offline, in a few seconds'
complete -c evt -n "__fish_evt_needs_command" -f -a "queue" -d 'List, retry, discard and pause deliveries and other jobs'
complete -c evt -n "__fish_evt_needs_command" -f -a "config" -d 'Show and change settings, and where each one is set'
complete -c evt -n "__fish_evt_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c evt -n "__fish_evt_needs_command" -f -a "man" -d 'Read the manual, offline'
complete -c evt -n "__fish_evt_needs_command" -f -a "generate" -d 'Write the files that are generated from the commands'
complete -c evt -n "__fish_evt_needs_command" -f -a "supervise-brokers" -d 'Run the servers of `evt dev --with`'
complete -c evt -n "__fish_evt_needs_command" -f -a "dev" -d 'Run the platform locally'
complete -c evt -n "__fish_evt_needs_command" -f -a "listen" -d 'Receive webhooks; verify, store and forward them'
complete -c evt -n "__fish_evt_needs_command" -f -a "tail" -d 'Follow a stream: server-sent events, WebSocket, Socket.IO, RabbitMQ, an AI agent\'s answer'
complete -c evt -n "__fish_evt_needs_command" -f -a "poll" -d 'Poll records by their date of change: all of them, then only what has changed since the last call'
complete -c evt -n "__fish_evt_needs_command" -f -a "send" -d 'Send a signed test event to a listener or any URL'
complete -c evt -n "__fish_evt_needs_command" -f -a "trigger" -d 'Send a signed test event to a listener or any URL'
complete -c evt -n "__fish_evt_needs_command" -f -a "events" -d 'List, show, replay, verify, compare, export and import events'
complete -c evt -n "__fish_evt_needs_command" -f -a "records" -d 'List, create, update and delete records of the platform'
complete -c evt -n "__fish_evt_needs_command" -f -a "flows" -d 'Manage and run automations'
complete -c evt -n "__fish_evt_needs_command" -f -a "profile" -d 'Choose the platform to use, and sign in'
complete -c evt -n "__fish_evt_needs_command" -f -a "doctor" -d 'Find problems and print how to fix them'
complete -c evt -n "__fish_evt_using_subcommand demo" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand demo" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand demo" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand demo" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l keep -d 'Keep the temporary home, to inspect it afterwards'
complete -c evt -n "__fish_evt_using_subcommand demo" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand demo" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand demo" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand demo" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand demo" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -f -a "list" -d 'List queues and endpoints, or jobs'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -f -a "show" -d 'Show a job and its attempts'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -f -a "retry" -d 'Bring waiting jobs forward, and send ended jobs again'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -f -a "discard" -d 'Remove jobs from their queue without delivering them'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -f -a "pause" -d 'Stop attempting the jobs of a queue'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard pause resume" -f -a "resume" -d 'Attempt the jobs of a paused queue again, in order'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l state -d 'List jobs in this state (repeatable)' -r -f -a "waiting\t''
active\t''
done\t''
dead\t''
discarded\t''
quarantined\t''
redriven\t''
paused\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l queue -d 'List jobs of this queue' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l endpoint -d 'Only jobs for this server, or with a path for this target' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l where -d 'Only jobs whose event matches this condition, such as \'data.amount >= 100\'' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l limit -d 'List at most this many jobs (default: 100)' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l dead -d 'List jobs that failed for good: dead or quarantined'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l inbox -d 'Only deliveries of `evt listen --retry` and `evt tail --forward` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l inbox -d 'Only deliveries of `evt listen --retry` and `evt tail --forward` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l endpoint -d 'Only jobs for this server, or with a path for this target' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l where -d 'Only jobs whose event matches this condition, such as \'data.amount >= 100\'' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l rate -d 'Spread the retries over time, such as 10/s or 30/m' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l all -d 'All jobs that are waiting, paused, dead or quarantined'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l dead -d 'All jobs that failed for good: dead or quarantined'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s n -l dry-run -d 'Only report how many jobs would be retried'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l inbox -d 'Only deliveries of `evt listen --retry` and `evt tail --forward` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l endpoint -d 'Only jobs for this server, or with a path for this target' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l where -d 'Only jobs whose event matches this condition, such as \'data.amount >= 100\'' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l all -d 'All jobs that are waiting, paused, dead or quarantined'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l dead -d 'All jobs that failed for good: dead or quarantined'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s y -l yes -d 'Do not ask for confirmation'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s n -l dry-run -d 'Only report how many jobs would be discarded'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l inbox -d 'Only deliveries of `evt listen --retry` and `evt tail --forward` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l inbox -d 'Only deliveries of `evt listen --retry` and `evt tail --forward` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l inbox -d 'Only deliveries of `evt listen --retry` and `evt tail --forward` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "show" -d 'Show the current settings and where each one is set'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "get" -d 'Print the value of one setting'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "set" -d 'Set a value in your file or in the project\'s'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "unset" -d 'Remove a setting from your file or from the project\'s'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "path" -d 'Print the locations of files'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l all -d 'Also show settings that are not set'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l project -d 'Change the project\'s evt.toml instead of your own file'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l project -d 'Change the project\'s evt.toml instead of your own file'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand completions" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand completions" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand completions" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand completions" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand completions" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand completions" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand completions" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand completions" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand completions" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand completions" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand completions" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand completions" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand man" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand man" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand man" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand man" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand man" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand man" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand man" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand man" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand man" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand man" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand man" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand man" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand generate" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand generate" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand generate" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand generate" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand generate" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand generate" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand generate" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand generate" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand generate" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand generate" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand generate" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand generate" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand supervise-brokers" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l bind -d 'Also accept connections of other machines at this address, such as 0.0.0.0 in a container; see --allow-host' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l port -d 'Port of the platforms; 0 selects free ports for them and for the control API' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l console-port -d 'Port of the control API; 0 selects a free one' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l only -d 'Start only these platforms, separated by commas' -r -f -a "appengine\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l data -d 'Store all data here instead of in the user\'s data folder' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l seed -d 'Create the records and flows of this file first (YAML or JSON: records, flows)' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l auth -d 'How to check Authorization: accept any token, need none, or accept only the platform\'s own' -r -f -a "lenient\t''
off\t''
strict\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l allow-host -d 'Also serve requests for this host, and from its web pages (repeatable): NAME or NAME:PORT' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l page-cap -d 'Maximum number of records in a page' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l smtp -d 'Also deliver the e-mails of flows to this SMTP server, without TLS: HOST:PORT' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l with -d 'Start the installed servers of these brokers with the platform: nats, rabbitmq, redis' -r -f -a "nats\t''
rabbitmq\t''
redis\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l nats -d 'Use the NATS server at this address; user and password come from EVT_NATS_URL' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l amqp -d 'Use the RabbitMQ server at this address; user and password come from EVT_AMQP_URL' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l redis -d 'Use the Redis server at this address; user and password come from EVT_REDIS_URL' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l ephemeral -d 'Delete all data when the platform stops'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l bare -d 'Send deliveries only with the flow\'s own headers: unsigned, as the real platform does'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l print-env -d 'Print `export` lines for a shell, for the running platform; they contain secrets. Starts nothing without a command'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "status" -d 'Show where the platform runs and how much it stores'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "token" -d 'Print a user token for the platform'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "emit" -d 'Raise an event as if the platform had raised it'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "set" -d 'Show the platform\'s settings, or change some'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "clock" -d 'Show the platform\'s clock, or change it to test what happens later'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "outbox" -d 'Show the notifications and phone calls that the platform has "sent"'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "routes" -d 'Show the routes that a platform serves'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "ai" -d 'Show the agents that answer AI streams, or load scripts'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "vendors" -d 'Show the receivers of vendors\' webhooks, and the secrets that sign them'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "reset" -d 'Delete all records, flows, runs, events and deliveries, but not secrets and settings'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "push" -d 'Push an event to the clients of a gateway'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "cut" -d 'Break the connections of the gateways'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set clock outbox routes ai vendors reset push cut stop" -a "stop" -d 'Stop the running platform'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l platform -d 'Show only this platform' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l platform -d 'The platform that issues the token' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l api-key -d 'Print the organisation\'s API key instead, for the header `x-api-key`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l set -d 'Change the record that the event carries: path=text or path:=json (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l platform -d 'The platform that raises the event' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -f -a "set" -d 'Set the clock to a time'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -f -a "advance" -d 'Go forward by a time span'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -f -a "freeze" -d 'Stop the clock'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -f -a "run" -d 'Let a stopped clock run from its time'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from clock" -f -a "real" -d 'Use the real time again'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -f -a "list" -d 'List messages, newest last'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -f -a "show" -d 'Show one message with its text'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from outbox" -f -a "clear" -d 'Delete all messages'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l platform -d 'The platform' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from routes" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s y -l yes -d 'Do not ask'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l to-org -d 'Only to clients of this organisation' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l room -d 'Only to clients in this chat or group' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l name -d 'Name of this evt dev, if several run: it has its own data and uses free ports; `-p NAME` selects it in other commands' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand listen" -l forward-to -d 'The same as TARGET' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l path -d 'Forward to this path of the target instead of the path of each request' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l route -d 'Forward matching requests elsewhere: \'/path/*=TARGET\' or \'contact.*=TARGET\' (repeatable, first match wins)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -s H -l header -d 'Add or replace a header of forwarded requests (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l retry -d 'Answer 202 as soon as the event is stored, and deliver it with N retries [default: 5, within half a minute]' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l timeout -d 'How long to wait for the target\'s response' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l type -d 'Select events of a type: contact.*, !contact.deleted (repeatable); others are only stored' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -s e -l events -d 'Select events of these types, separated by commas; `charge.*` includes charge.dispute.created' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l where -d 'Select events that meet a condition; others are only stored' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l port -d 'Port to listen on; 0 picks a free one' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l bind -d 'Address to listen on; other than loopback requires --i-understand-public and --verify' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l allow-host -d 'Answer requests for this host too, and those of its web pages: NAME, NAME:PORT, *.example.com or * (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l max-body -d 'Largest request body (at most 64MiB)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l verify -d 'Verify signatures of this scheme (repeatable, one must match); see `evt man signatures`' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l secret -d 'Secret for the --verify before it: text, env:NAME, file:PATH, cmd:… or - (repeatable for rotation)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l tolerance -d 'Largest difference between a signed timestamp and now; 0 disables the check [default: by scheme, usually 5m]' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l public-url -d 'The URL that senders call, if a tunnel or proxy is in front of the listener: https://host, or a whole URL with path and query; /path=URL for one path (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l respond -d 'Answer every accepted request with this status and body: 503 or 200:ok' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l chaos -d 'Inject faults: latency=200ms,drop=1%,dup=5%,reorder' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l show -d 'Print below each event its body, its headers, or both [default: nothing; `all` with -v]' -r -f -a "body\t''
headers\t''
all\t''"
complete -c evt -n "__fish_evt_using_subcommand listen" -l count -d 'Exit after N events (rejected ones do not count)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l for -d 'Exit after this time; with code 9 if --count or --expect was not met' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l expect -d 'Exit when a matching event arrives: a type, \'contact.*\', or an expression such as \'data.amount > 10\'' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand listen" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand listen" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand listen" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand listen" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand listen" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand listen" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l i-understand-public -d 'Confirm that anyone on the network can reach the listener'
complete -c evt -n "__fish_evt_using_subcommand listen" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand listen" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand listen" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand listen" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand listen" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand listen" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand tail" -l stream -d 'The same as SOURCE' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l gateway -d 'Follow a Socket.IO gateway of the profile\'s platform' -r -f -a "chat\t''
community-chat\t''
voice\t''"
complete -c evt -n "__fish_evt_using_subcommand tail" -l agent -d 'Send the message (- for stdin) to this AI agent and follow its answer' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l type -d 'Only these types: contact.created, \'contact.*\', or all except \'!contact.*\' (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l where -d 'Only events for which this holds, such as \'data.amount >= 100\' (`evt man grammar`)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l jq -d 'Transform each printed record with this jq expression, such as \'.data.id\'' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l on-slow -d 'If stdout is read too slowly: wait, drop and count events, or exit with 11' -r -f -a "block\t''
drop\t''
exit\t''"
complete -c evt -n "__fish_evt_using_subcommand tail" -l count -d 'Stop after N events' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l for -d 'Stop after this time; exit 9 if --count, --expect or --until-end was not met' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l expect -d 'Stop at the first event that matches a type, \'contact.*\', or an expression such as \'data.amount > 10\'' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l record -d 'Append events with their times to a file that `evt events import` and `replay` read' -r -F
complete -c evt -n "__fish_evt_using_subcommand tail" -l forward -d 'Save each event and deliver it to this target until it is accepted: 3000, host:port/path, a URL, or a broker' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l secret -d 'Sign forwarded events as Standard Webhooks with this secret: text, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l resume -d 'Save the position of the stream under this name, and resume there (not for WebSocket)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -s H -l header -d 'Send a header; its value may be env:NAME, file:PATH or cmd:… (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l token-cmd -d 'Get the token from this command, again for each connection' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l timeout -d 'Time limit for one attempt to connect' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l max-retries -d 'Give up after N consecutive failures' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l max-message-size -d 'Largest message to accept, and longest line to send with -i' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l send-on-connect -d 'Send this after every connect (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l user -d 'Log in as this user' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l password -d 'The user\'s password: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l since -d 'Begin with the first message that the broker received at this time or later: a time, or a span such as 2h' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l start -d 'Begin with the first or last message that the broker has, with new ones, or at this sequence number, offset or id' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l durable -d 'Read a stream through this durable consumer, which is created if it does not exist, and acknowledge each message' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l creds -d 'Log in at NATS with this credentials file (a JWT and a seed)' -r -F
complete -c evt -n "__fish_evt_using_subcommand tail" -l nkey -d 'Log in at NATS with this seed of an NKey: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l prefetch -d 'How many messages RabbitMQ sends before they are acknowledged' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l last-event-id -d 'Resume after this id' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l idle -d 'Reconnect if nothing arrives for this long, comments included' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l subprotocol -d 'Offer this subprotocol (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l ping -d 'Interval between pings, and time limit for each pong' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l auth -d 'Authorise with this object: JSON, or env:NAME, file:PATH, cmd:…' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l namespace -d 'Also follow this namespace, over the same connection (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l path -d 'Path of Socket.IO on the server' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l transport -d 'Use a WebSocket, long polling, or polling with an upgrade to WebSocket' -r -f -a "websocket\t''
upgrade\t''
polling\t''"
complete -c evt -n "__fish_evt_using_subcommand tail" -l ack -d 'Acknowledge events that request it, with these arguments (a JSON list)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l group -d 'Read as a consumer of this group, and acknowledge entries once they are printed (and stored)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l consumer -d 'The name of this consumer; commands that read at the same time need different ones' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l claim-after -d 'Take over entries that another consumer has not acknowledged for this long' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand tail" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand tail" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand tail" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand tail" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand tail" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand tail" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l until-end -d 'Stop when the server ends the stream, instead of reconnecting'
complete -c evt -n "__fish_evt_using_subcommand tail" -l fail-on-gap -d 'Stop with exit 11 as soon as events may have been missed'
complete -c evt -n "__fish_evt_using_subcommand tail" -l save -d 'Save the events, for `evt events`'
complete -c evt -n "__fish_evt_using_subcommand tail" -l reconnect -d 'Reconnect also if the first attempt fails or the server ends the stream'
complete -c evt -n "__fish_evt_using_subcommand tail" -l no-reconnect -d 'Never reconnect: a lost connection is exit 5'
complete -c evt -n "__fish_evt_using_subcommand tail" -s i -l interactive -d 'Send each line of stdin: text, or `event json…` for Socket.IO'
complete -c evt -n "__fish_evt_using_subcommand tail" -l echo -d 'Send every message back'
complete -c evt -n "__fish_evt_using_subcommand tail" -l queue -d 'Consume the queue of the address: its other consumers do not get the messages that are printed'
complete -c evt -n "__fish_evt_using_subcommand tail" -l peek -d 'Print the messages that the queue of the address has, and return them'
complete -c evt -n "__fish_evt_using_subcommand tail" -l declare -d 'Declare the queue of the address for as long as the command runs; it must not exist'
complete -c evt -n "__fish_evt_using_subcommand tail" -l text -d 'Print only the text of an AI answer, as it grows'
complete -c evt -n "__fish_evt_using_subcommand tail" -s L -l location -d 'Follow redirects (server-sent events always do)'
complete -c evt -n "__fish_evt_using_subcommand tail" -l create-group -d 'Create the group (and the stream) if it does not exist'
complete -c evt -n "__fish_evt_using_subcommand tail" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand tail" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand tail" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand tail" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand tail" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand tail" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l since -d 'Start here in the first call: 2026-04-25, 2h (ago), now, RFC 3339' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l until -d 'Leave out records modified at or after this time' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l query -d 'Only records that match this filter, in the platform\'s own syntax (Mongo), as JSON; later calls need the same filter' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l type -d 'Print only these types: contact.created, \'!*.deleted\' (repeatable); other records count as read' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l where -d 'Print only records that satisfy this condition, such as \'data.status == "lead"\'; `data` has the fields of the record' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l undated -d 'What to do with records that have no date of change' -r -f -a "warn\t'Report how many there are'
include\t'Read them too'
fail\t'Fail with exit 11'"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l deletes -d 'How to detect deletions: by a state in the record, or also by a sweep through all keys' -r -f -a "soft\t''
sweep\t''"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l out -d 'Write records to this file instead of stdout, each exactly once even if the process is killed' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l format -d 'Write records as JSON lines, or as messages of the Singer specification' -r -f -a "json\t''
singer\t''"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l jq -d 'Print the result of this jq expression for each record, such as .data.email' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l forward -d 'Deliver each record to this target: 3000, host:port/path, a URL; failed deliveries are retried by the next call' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l secret -d 'Sign deliveries as Standard Webhooks with this secret: text, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l exec -d 'Run this command for each record, with the record on stdin; the record counts as read when it exits with 0' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l record -d 'Append records and their times to a file for `evt events import` and `replay`' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l interval -d 'How long to wait between polls: the shortest wait while records change, growing to the longest' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l max -d 'Stop after N records' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l lookback -d 'Read this far back again, for records that become visible after their date of change' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l page-size -d 'Request N records per page' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l key -d 'Path of a record\'s key; by default, the first of sk, id and _id that exists' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l field -d 'Path of a record\'s date of change' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l ignore-field -d 'Ignore changes of this field (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l strategy -d 'The order in which to read; auto reads in ascending order and falls back if the server does not support it' -r -f -a "auto\t''
asc\t'Oldest change first'
desc\t'Newest change first'
pages\t'Page by page, until a pass finds nothing new'"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l rate -d 'Limit the rate of requests: 5/s, 100/m' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l timeout -d 'Cancel a request that takes longer, and retry it' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l max-wait -d 'Fail if the server asks to wait longer than this' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l state-key -d 'Store the state under this name instead of PROFILE.DATATYPE' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l state -d 'Read the position of each datatype from this Singer STATE, and from nothing else' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l catalog -d 'Read the selected streams of this catalog' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l skip-malformed -d 'Skip records that cannot be read, such as invalid JSON, and report each of them; the command ends with exit 10'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l allow-mass-deletion -d 'Accept that more than half of the known records are deleted; without it, --deletes sweep fails with exit 11'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l reconcile -d 'Also sweep through all keys and print records that were missed; the first sweep only learns which records exist'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l envelope -d 'Wrap each record in an envelope with an id, so that a reader can drop duplicates'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l save -d 'Store the records as events, for `evt events`'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l follow -d 'Keep polling after everything has been read'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l fail-on-gap -d 'Fail with exit 11 if the server\'s clock went back, instead of reading again from the earlier time'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l force -d 'Take the state over from another poller, which stops at its next commit'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l discover -d 'Print a catalog of the datatypes'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -a "state" -d 'Show, export, set and reset how far each datatype was read'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "list" -d 'List the states: what is polled, how far it was read, which process polls it now'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "show" -d 'Show one state'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "export" -d 'Write a state as JSON, with all remembered versions'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "set" -d 'Set a state from an export or a Singer state'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "reset" -d 'Delete a state, so that the next poll starts over, or move it back to a time'
complete -c evt -n "__fish_evt_using_subcommand send" -l list -d 'List the samples: all, those of a vendor (`stripe`), or those that match a pattern (`stripe/invoice.*`, `*refund*`)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l to -d 'Where to send: 3000, :3000/path, host:port, a URL, unix:/path or a broker; by default an event of a vendor goes to its receiver in the running `evt dev`, and every other event to the local listener' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l seed -d 'Use the same ids and times in every run; the signature still has the current time' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l set -d 'Set a value of the body: path=text or path:=json (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l unset -d 'Remove a value of the body (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -s H -l header -d 'Add or replace a header (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l sign -d 'The scheme to sign with, or `none`; by default the scheme of the sample\'s vendor' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l secret -d 'The secret to sign with: text, env:NAME, file:PATH, cmd:… or - (repeatable for rotation, if the header is a list)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l tamper -d 'Send a request that must be refused: body, signature, timestamp or replay; exit 0 if it is (4xx), 8 if it is accepted' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l times -d 'Send the event N times, each with its own id and signature; the events are counted but not stored' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l rate -d 'Send at most this often, such as 50/s' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l concurrency -d 'Send over N connections at once' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l expect-status -d 'Exit 9 unless the answer has this status: 2xx, 200, or a list' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l user -d 'Log in at the broker as this user' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l password -d 'The user\'s password: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l creds -d 'Log in at NATS with this credentials file (a JWT and a seed)' -r -F
complete -c evt -n "__fish_evt_using_subcommand send" -l nkey -d 'Log in at NATS with this seed of an NKey: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l timeout -d 'How long to wait for the answer' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand send" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand send" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand send" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand send" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand send" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand send" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l dry-run -d 'Print the request instead of sending it: byte for byte with -o raw, as a command with -o curl'
complete -c evt -n "__fish_evt_using_subcommand send" -l set-new -d 'Allow --set to add values that do not exist'
complete -c evt -n "__fish_evt_using_subcommand send" -l edit -d 'Open the body in $VISUAL or $EDITOR first'
complete -c evt -n "__fish_evt_using_subcommand send" -l check -d 'Send what the endpoint must accept and what it must refuse, and judge its answers; exit 8 unless all are right'
complete -c evt -n "__fish_evt_using_subcommand send" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand send" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand send" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand send" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand send" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand send" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l list -d 'List the samples: all, those of a vendor (`stripe`), or those that match a pattern (`stripe/invoice.*`, `*refund*`)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l to -d 'Where to send: 3000, :3000/path, host:port, a URL, unix:/path or a broker; by default an event of a vendor goes to its receiver in the running `evt dev`, and every other event to the local listener' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l seed -d 'Use the same ids and times in every run; the signature still has the current time' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l set -d 'Set a value of the body: path=text or path:=json (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l unset -d 'Remove a value of the body (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -s H -l header -d 'Add or replace a header (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l sign -d 'The scheme to sign with, or `none`; by default the scheme of the sample\'s vendor' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l secret -d 'The secret to sign with: text, env:NAME, file:PATH, cmd:… or - (repeatable for rotation, if the header is a list)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l tamper -d 'Send a request that must be refused: body, signature, timestamp or replay; exit 0 if it is (4xx), 8 if it is accepted' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l times -d 'Send the event N times, each with its own id and signature; the events are counted but not stored' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l rate -d 'Send at most this often, such as 50/s' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l concurrency -d 'Send over N connections at once' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l expect-status -d 'Exit 9 unless the answer has this status: 2xx, 200, or a list' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l user -d 'Log in at the broker as this user' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l password -d 'The user\'s password: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l creds -d 'Log in at NATS with this credentials file (a JWT and a seed)' -r -F
complete -c evt -n "__fish_evt_using_subcommand trigger" -l nkey -d 'Log in at NATS with this seed of an NKey: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l timeout -d 'How long to wait for the answer' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand trigger" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand trigger" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand trigger" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand trigger" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand trigger" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand trigger" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l dry-run -d 'Print the request instead of sending it: byte for byte with -o raw, as a command with -o curl'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l set-new -d 'Allow --set to add values that do not exist'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l edit -d 'Open the body in $VISUAL or $EDITOR first'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l check -d 'Send what the endpoint must accept and what it must refuse, and judge its answers; exit 8 unless all are right'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand trigger" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand trigger" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand trigger" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -f -a "list" -d 'List received and sent events, newest last'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -f -a "show" -d 'Show an event: request, headers, signature, body, the answers of its target'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -f -a "diff" -d 'Compare two events: request line, headers, body'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -f -a "export" -d 'Write events as NDJSON, HAR or curl commands'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -f -a "import" -d 'Import events from NDJSON or HAR'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -f -a "prune" -d 'Delete old events, oldest first'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -f -a "replay" -d 'Send events again, unchanged or edited'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show diff export import prune replay verify" -f -a "verify" -d 'Verify an event\'s signature and explain the result'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l type -d 'Only events of this type: contact.created, \'contact.*\', \'contact.>\'; \'!contact.*\' excludes (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l where -d 'Only events that match this expression, such as \'data.amount >= 100\' (see `evt man grammar`)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l status -d 'Only events with this status: kept, rejected, queued, delivered, failed (received events, as @failed), verified, invalid, 500, 5xx' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l since -d 'Only events received since 10m, 2h or 7d ago, 2026-04-25, or an RFC 3339 time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l until -d 'Only events received before this time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l limit -d 'Only the newest N events; 0 for all' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l show-secrets -d 'Show credentials in headers (on a terminal only)'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l exact -d 'Compare bodies byte for byte, including white space'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l expect-same -d 'Exit with 9 if the events differ'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l format -d 'Output format' -r -f -a "ndjson\t'One JSON object per line, lossless'
har\t'HTTP Archive 1.2'
curl\t'One command per event, for a POSIX shell'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s f -l file -d 'Write to this file instead of stdout; only you can read it' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l to -d 'Target of the curl commands [default: the URL that received the event]' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l type -d 'Only events of this type: contact.created, \'contact.*\', \'contact.>\'; \'!contact.*\' excludes (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l where -d 'Only events that match this expression, such as \'data.amount >= 100\' (see `evt man grammar`)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l status -d 'Only events with this status: kept, rejected, queued, delivered, failed (received events, as @failed), verified, invalid, 500, 5xx' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l since -d 'Only events received since 10m, 2h or 7d ago, 2026-04-25, or an RFC 3339 time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l until -d 'Only events received before this time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l limit -d 'Only the newest N events; 0 for all' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l again -d 'Also import events that are already stored'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l keep -d 'Delete events older than this' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l max-size -d 'Delete the oldest events until the rest takes at most this much space' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l all -d 'Delete all events'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l dry-run -d 'Only print what would be deleted'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s y -l yes -d 'Do not ask for confirmation'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l to -d 'Where to send: 3000, :3000/path, host:port, a URL or unix:/path [default: the local listener]' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l type -d 'Only events of this type: contact.created, \'contact.*\', \'contact.>\'; \'!contact.*\' excludes (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l where -d 'Only events that match this expression, such as \'data.amount >= 100\' (see `evt man grammar`)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l status -d 'Only events with this status: kept, rejected, queued, delivered, failed (received events, as @failed), verified, invalid, 500, 5xx' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l since -d 'Only events received since 10m, 2h or 7d ago, 2026-04-25, or an RFC 3339 time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l until -d 'Only events received before this time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l limit -d 'Only the newest N events; 0 for all' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l set -d 'Set a value of the body: path=text or path:=json (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l unset -d 'Remove a value of the body (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s H -l header -d 'Add or replace a header (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l resign -d 'Sign again, with the scheme of the event\'s own signature unless another is given' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l secret -d 'Secret to sign with: text, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l rate -d 'Send at most at this rate, such as 10/s' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l timing -d 'Keep the original intervals between events; =2 is twice as fast' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l timeout -d 'How long to wait for each response' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l all -d 'Replay all stored events'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l set-new -d 'Allow --set to add values that do not exist'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l edit -d 'Open the body in $VISUAL or $EDITOR first'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l dry-run -d 'Send nothing; print the requests instead, byte for byte with -o raw, as commands with -o curl'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l scheme -d 'Signature scheme [default: the one checked on receipt]' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l secret -d 'Secret: text, env:NAME, file:PATH, cmd:… or - (repeatable, one must match)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l tolerance -d 'Largest difference between the signed timestamp and the time of the check; 0 disables it [default: by scheme, usually 5m]' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l at -d 'Check as of this time: 0 (now), 10m or 2h ago, 2026-04-25, or an RFC 3339 time [default: time of receipt]' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l public-url -d 'The URL that the sender called, if a tunnel or proxy was in front of the listener: https://host, or a whole URL with path and query' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l platform -d 'The platform of `evt dev` that holds the records' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "list" -d 'List records'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "show" -d 'Show one record'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "create" -d 'Create records'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "update" -d 'Change fields of a record, or replace all its data'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "delete" -d 'Delete records'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l where -d 'Only records that match this condition, such as `email=ada@example.com`, `amount>=100`, `state!=deleted` or `name~^A` (repeatable; all must match)' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l query -d 'A filter in the platform\'s format (MongoDB), as JSON' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l sort -d 'Sort by a field, `:asc` or `:desc` (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l limit -d 'List at most this many records' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l page-size -d 'Request this many records per page' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l platform -d 'The platform of `evt dev` that holds the records' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l all -d 'List all records'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l platform -d 'The platform of `evt dev` that holds the records' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s f -l file -d 'Read JSON objects from a file, or from stdin with `-`: one object, one per line, or an array' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l platform -d 'The platform of `evt dev` that holds the records' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s f -l file -d 'Replace all data with the JSON object in a file, or from stdin with `-`' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l platform -d 'The platform of `evt dev` that holds the records' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l platform -d 'The platform of `evt dev` that holds the records' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "list" -d 'List the flows of the organisation'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "show" -d 'Show a flow\'s document'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "create" -d 'Create flows from flags or a file, or interactively'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "apply" -d 'Create and update flows to match files'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "edit" -d 'Edit a flow in your editor'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "delete" -d 'Delete flows'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "enable" -d 'Enable flows'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "disable" -d 'Disable flows; running runs continue'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "execute" -d 'Run a flow now, without its trigger'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "runs" -d 'Show runs with their steps, attempts and conditions'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "why" -d 'Explain which flows an event started, and why the others did not'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs why test" -f -a "test" -d 'Run a flow against an event without effects'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s f -l file -d 'Show the flows of this file instead (YAML or JSON), or `-` for stdin' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l diagram -d 'Draw the flow: triggers, conditions, steps and branches; `-o mermaid` prints Mermaid'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l show-secrets -d 'Do not mask secrets and credentials in headers'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l on -d 'Trigger or event that starts the flow: contact.created, \'order.*\' (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l webhook -d 'Where to POST the event: 4871/hook, host:port, a URL; actions run in the order in which they are typed' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l notify -d 'Send a notification: email, sms, whatsapp, push or inapp, with a recipient: email:ada@example.com (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l call -d 'Call this phone number (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l when -d 'Run only if this condition holds: `data.status == "lead"`' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s H -l header -d 'Header to send; the value may be env:NAME, file:PATH or cmd:… (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l secret -d 'Secret to sign with instead of the platform\'s own: text, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l every -d 'Start the flow by clock: a cron expression such as \'0 9 * * MON\', or an interval such as 15m' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l at -d 'Start the flow once at this time: 2026-12-24T09:00' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l tz -d 'Time zone of --every and --at: Europe/Berlin [default: that of the machine that runs the platform]' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l after -d 'Wait this long before the first action: 30s, 2h, 3d' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l subject -d 'Subject of the notifications; placeholders such as {{contact.firstName}} are replaced' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l body -d 'Text of the notifications and calls' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l name -d 'Name of the flow [default: made from trigger and target]' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s f -l file -d 'File with one or more flows (YAML or JSON), or `-` for stdin' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l manual -d 'No trigger: only `evt flows execute` starts the flow'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l disabled -d 'Create the flow disabled'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l dry-run -d 'Print the document and send nothing; references to secrets are not resolved'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l show-secrets -d 'Do not mask secrets in the output'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l force -d 'Skip the checks for remote platforms'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s f -l file -d 'A YAML or JSON file, a folder of such files, or `-` for stdin (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l prune -d 'Delete flows that are in none of the files'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s y -l yes -d 'Do not ask for confirmation'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l dry-run -d 'Print the difference and change nothing'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l force -d 'Skip the checks for remote platforms'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l force -d 'Skip the checks for remote platforms'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask for confirmation'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s f -l file -d 'JSON file with the context, or `-` for stdin; fields override it' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s w -l watch -d 'Wait until the run has ended, and print its steps and attempts'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l status -d 'Only runs with this status; skipped: a condition did not hold; blocked: the flow caused a loop' -r -f -a "pending\t''
running\t''
completed\t''
failed\t''
cancelled\t''
skipped\t''
blocked\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l limit -d 'Show the latest N runs' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s w -l watch -d 'Keep watching, and print runs when they start or change'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from why" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -s f -l file -d 'JSON or YAML file with an event (`event`, `data`, `before`) or a record, or `-` for stdin' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -s e -l event -d 'A stored event: p_7f3a (of `evt dev`), or a webhook of the inbox (e_7f3a, @last, @-3, @failed)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "list" -d 'List the profiles'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "show" -d 'Show the values of a profile that a request would use'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "add" -d 'Add or change a profile'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "use" -d 'Make a profile the default'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "remove" -d 'Remove a profile and its credentials'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "logout" -d 'Remove the stored token'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "refresh" -d 'Renew the token of `evt profile login`'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "allow" -d 'Let a project\'s evt.toml choose a profile'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "login" -d 'Sign in and store the token'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove logout refresh allow login whoami" -f -a "whoami" -d 'Show the account of the token'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l app-id -d 'The id of an app of the organisation' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l app-key -d 'The key of the app: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l app-secret -d 'The secret of the app: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l api-key -d 'An API key: env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l folder -d 'The folder of the evt.toml [default: where the project\'s file is, or the current folder]' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l revoke -d 'Take the permission back'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from allow" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l email -d 'Your email address' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l password -d 'Your password: a literal, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l code -d 'The code of the second factor. Without --email, for the sign-in that waits for it' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l customer -d 'Sign in as a customer of the organisation, not as a user of it'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l timeout -d 'Fail if a call to the platform takes longer, with all its tries' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand doctor" -l proxy -d 'Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l ca -d 'Accept the certificates in this file, and those that they issued, in addition to the system\'s (repeatable)' -r -F
complete -c evt -n "__fish_evt_using_subcommand doctor" -l cert -d 'Client certificate, in PEM' -r -F
complete -c evt -n "__fish_evt_using_subcommand doctor" -l key -l cert-key -d 'Key of the client certificate, if --cert does not contain it' -r -F
complete -c evt -n "__fish_evt_using_subcommand doctor" -l allow-address -d 'Connect to this address although clouds offer credentials there (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -s p -l profile -d 'Use this profile: platform, organisation and credentials' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l config -d 'Read this file instead of your settings file' -r -F
complete -c evt -n "__fish_evt_using_subcommand doctor" -s o -l output -d 'Choose the format of stdout; auto is text on a terminal and JSON otherwise' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'The request as a curl command; only with --dry-run'
mermaid\t'The diagram of a flow; only with `evt flows show`'"
complete -c evt -n "__fish_evt_using_subcommand doctor" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand doctor" -l url -d 'URL of the platform; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l org -d 'Id of the organisation; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l token -d 'Token: a literal, env:NAME, file:PATH, cmd:… or -; overrides the profile' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l insecure -d 'Accept every certificate: an attacker on the network can read and change all data'
complete -c evt -n "__fish_evt_using_subcommand doctor" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand doctor" -s q -l quiet -d 'Print only errors and warnings to stderr'
complete -c evt -n "__fish_evt_using_subcommand doctor" -s v -l verbose -d 'Print more to stderr; `-vv` also prints logs'
complete -c evt -n "__fish_evt_using_subcommand doctor" -l no-input -d 'Do not ask questions, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand doctor" -s h -l help -d 'Print help'
