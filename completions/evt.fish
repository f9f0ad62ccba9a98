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

complete -c evt -n "__fish_evt_needs_command" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_needs_command" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_needs_command" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_needs_command" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_needs_command" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_needs_command" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_needs_command" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_needs_command" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_needs_command" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_needs_command" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_needs_command" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_needs_command" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_needs_command" -s V -l version -d 'Print the version'
complete -c evt -n "__fish_evt_needs_command" -f -a "dev" -d 'Run the platform locally'
complete -c evt -n "__fish_evt_needs_command" -f -a "demo" -d 'Tour everything evt does, on the real parts, offline, in a few seconds'
complete -c evt -n "__fish_evt_needs_command" -f -a "listen" -d 'Receive webhooks, verify, keep and forward them'
complete -c evt -n "__fish_evt_needs_command" -f -a "tail" -d 'Follow a stream: server-sent events, WebSocket, Socket.IO, an AI agent\'s answer'
complete -c evt -n "__fish_evt_needs_command" -f -a "poll" -d 'Poll records by their date of change: all of them, then what has changed since the last call'
complete -c evt -n "__fish_evt_needs_command" -f -a "send" -d 'Send a signed test event to a listener or any URL'
complete -c evt -n "__fish_evt_needs_command" -f -a "trigger" -d 'Send a signed test event to a listener or any URL'
complete -c evt -n "__fish_evt_needs_command" -f -a "events" -d 'See, replay, verify, compare and carry what was received and sent'
complete -c evt -n "__fish_evt_needs_command" -f -a "records" -d 'See and change the records of the platform\'s repository'
complete -c evt -n "__fish_evt_needs_command" -f -a "flows" -d 'See, create and run automations'
complete -c evt -n "__fish_evt_needs_command" -f -a "queue" -d 'See deliveries that wait or failed, and run them again'
complete -c evt -n "__fish_evt_needs_command" -f -a "profile" -d 'Choose which platform evt speaks to, and sign in'
complete -c evt -n "__fish_evt_needs_command" -f -a "config" -d 'Show and change settings, and say where each comes from'
complete -c evt -n "__fish_evt_needs_command" -f -a "doctor" -d 'Find what is wrong, and say how to mend it'
complete -c evt -n "__fish_evt_needs_command" -f -a "completions" -d 'Print completions for a shell'
complete -c evt -n "__fish_evt_needs_command" -f -a "man" -d 'Read the manual, offline'
complete -c evt -n "__fish_evt_needs_command" -f -a "generate" -d 'Write what is made of the commands'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l port -d 'Port of the platform; 0 takes a free one, also for the control API' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l console-port -d 'Port of the control API; 0 takes a free one' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l data -d 'Keep everything here in place of the user\'s data folder' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l seed -d 'Create the records and flows of this file first (YAML or JSON: records, flows)' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l auth -d 'How to read Authorization: any token, none, or only the platform\'s own' -r -f -a "lenient\t''
off\t''
strict\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l allow-host -d 'Also serve requests for this host, and from its web pages (repeatable): NAME or NAME:PORT' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l page-cap -d 'The most records in one page' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l ephemeral -d 'Keep nothing beyond this run'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l bare -d 'Send deliveries with the flow\'s own headers alone: unsigned, as the real platform does'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l print-env -d 'Print `export` lines for a shell: of the platform that runs, else of the one that this starts; they hold secrets'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "status" -d 'Show where the platform runs and what it holds'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "token" -d 'Print a user token for the platform'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "emit" -d 'Raise an event, as if the platform had'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "set" -d 'Show the platform\'s switches, or set some'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "ai" -d 'Show the agents that answer AI streams, or load scripts of your own'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "vendors" -d 'Show where the platform receives vendors\' webhooks, and the secrets that they sign with'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "reset" -d 'Forget all records, flows, runs, events and deliveries; secrets and switches stay'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "push" -d 'Push an event to the clients of a gateway'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "cut" -d 'Break the connections of the gateways'
complete -c evt -n "__fish_evt_using_subcommand dev; and not __fish_seen_subcommand_from status token emit set ai vendors reset push cut stop" -a "stop" -d 'End the platform that runs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l set -d 'Change the record that the event carries: path=text or path:=json (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from emit" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from ai" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from vendors" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s y -l yes -d 'Do not ask'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from reset" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l to-org -d 'Only to clients of this organisation' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l room -d 'Only to clients in this chat or group' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from push" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from cut" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand dev; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand demo" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand demo" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand demo" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand demo" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l keep -d 'Keep the temporary home, to look around in it afterwards'
complete -c evt -n "__fish_evt_using_subcommand demo" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand demo" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand demo" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand demo" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand demo" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand listen" -l port -d 'Port to listen on; 0 takes a free one' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l bind -d 'Address to listen on; anything but loopback needs --i-understand-public and --verify' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l max-body -d 'Largest body that is taken (at most 64MiB)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l verify -d 'Check signatures of this scheme (repeatable; any one may match); see `evt man signatures`' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l secret -d 'Secret of the --verify before it: text, env:NAME, file:PATH, cmd:… or - (repeatable, for rotation)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l tolerance -d 'How far a signed timestamp may lie from now; 0 switches the check off; if not given, what the scheme asks for, mostly 5m' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l public-url -d 'The URL that senders call, where a tunnel or proxy stands in between' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l route -d 'Send what matches elsewhere: \'/path/*=TARGET\' or \'contact.*=TARGET\' (repeatable, first match wins)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l retry -d 'Answer 202 once the event is kept and deliver with N retries (default: five, over half a minute)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l timeout -d 'How long the target may take' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l respond -d 'Answer every accepted request with this instead: 503 or 200:ok' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l chaos -d 'Make trouble: latency=200ms,drop=1%,dup=5%,reorder' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l count -d 'End after N events (those with a bad signature do not count)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l for -d 'End after this long; exit 9 if --count or --expect was not met' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l expect -d 'End when an event like this has come: a type, \'contact.*\', or an expression such as \'data.data.amount > 10\'' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand listen" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand listen" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand listen" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l i-understand-public -d 'Confirm that strangers may reach the listener'
complete -c evt -n "__fish_evt_using_subcommand listen" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand listen" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand listen" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand listen" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand listen" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand tail" -l stream -d 'The same as SOURCE' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l gateway -d 'A Socket.IO gateway of the profile\'s platform' -r -f -a "chat\t''
community-chat\t''
voice\t''"
complete -c evt -n "__fish_evt_using_subcommand tail" -l agent -d 'Ask this AI agent the message (- for stdin) and follow its answer' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l type -d 'Only these types: contact.created, \'contact.*\', or all but \'!contact.*\' (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l where -d 'Only those for which this holds, such as \'data.amount >= 100\' (`evt man grammar`)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l jq -d 'Print what this jq expression makes of each record, such as \'.data.id\'' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l on-slow -d 'When stdout is read too slowly: wait, drop and count, or end with exit 11' -r -f -a "block\t''
drop\t''
exit\t''"
complete -c evt -n "__fish_evt_using_subcommand tail" -l count -d 'End after N events' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l for -d 'End after this long; exit 9 if --count, --expect or --until-end was not met' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l expect -d 'End when an event like this has come: a type, \'contact.*\', or an expression such as \'data.amount > 10\'' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l record -d 'Append events with their times to a file that `evt events import` and `replay` read' -r -F
complete -c evt -n "__fish_evt_using_subcommand tail" -l forward -d 'Keep each event and deliver it here until it is taken: 3000, host:port/path, a URL' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l secret -d 'Sign what is forwarded, as Standard Webhooks: text, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l resume -d 'Remember under this name how far it got, and go on from there (not for WebSocket)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -s H -l header -d 'Send a header; its value may be env:NAME, file:PATH or cmd:… (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l token-cmd -d 'Make the token by this command, anew for each connection' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l timeout -d 'Give up an attempt to connect that takes longer' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l max-retries -d 'Give up after so many failures in a row' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l max-message-size -d 'Largest message that is taken, and longest line that -i sends' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l last-event-id -d 'Server-sent events: go on after this id' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l idle -d 'Server-sent events: take the connection for lost when nothing came for this long, comments included' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l subprotocol -d 'WebSocket: offer this subprotocol (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l ping -d 'WebSocket: ping so often, and wait as long for the pong' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l auth -d 'Socket.IO: the object to authorise with, as JSON or as env:NAME, file:PATH, cmd:…' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l namespace -d 'Socket.IO: also this namespace, over the same connection (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l path -d 'Socket.IO: where the server has it' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l transport -d 'Socket.IO: how it is carried' -r -f -a "websocket\t'WebSocket from the start'
upgrade\t'Long polling, then WebSocket'
polling\t'Long polling alone'"
complete -c evt -n "__fish_evt_using_subcommand tail" -l send-on-connect -d 'Send this at every connect (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l ack -d 'Socket.IO: acknowledge what wants it, with these arguments (a JSON list)' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand tail" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand tail" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand tail" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand tail" -l text -d 'Print only the text of an AI answer, as it grows'
complete -c evt -n "__fish_evt_using_subcommand tail" -l until-end -d 'End when the server ends the stream, in place of connecting again'
complete -c evt -n "__fish_evt_using_subcommand tail" -l fail-on-gap -d 'End with exit 11 as soon as something may have been missed'
complete -c evt -n "__fish_evt_using_subcommand tail" -l save -d 'Keep the events, for `evt events`'
complete -c evt -n "__fish_evt_using_subcommand tail" -l reconnect -d 'Connect again also when the first attempt fails and when the server ends the stream'
complete -c evt -n "__fish_evt_using_subcommand tail" -l no-reconnect -d 'Never connect again: a lost connection is exit 5'
complete -c evt -n "__fish_evt_using_subcommand tail" -s L -l location -d 'WebSocket: follow redirects'
complete -c evt -n "__fish_evt_using_subcommand tail" -s i -l interactive -d 'Send each line of stdin: text, or for Socket.IO `event json…`'
complete -c evt -n "__fish_evt_using_subcommand tail" -l echo -d 'Answer each message with itself'
complete -c evt -n "__fish_evt_using_subcommand tail" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand tail" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand tail" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand tail" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand tail" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l since -d 'Begin here, the first time: 2026-04-25, 2h (ago), now, RFC 3339' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l until -d 'Leave out what was modified at or after this' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l query -d 'Only records that this filter finds, in the platform\'s own form (Mongo), as JSON; part of what is remembered' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l type -d 'Print only these types: contact.created, \'!*.deleted\' (repeatable); what is left out counts as read' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l where -d 'Print only records for which this holds, such as \'data.data.status == "lead"\': `data` is the record, its own data in it' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l undated -d 'What to do with records that have no date: they are never found by one' -r -f -a "warn\t'Say how many there are'
include\t'Read them too'
fail\t'End with exit 11'"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l deletes -d 'How to notice deletions: by a state that says so, or by sweeping through all keys as well' -r -f -a "soft\t''
sweep\t''"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l out -d 'Write records here in place of stdout, each exactly once whenever this is killed' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l format -d 'Records as JSON lines, or as messages of the Singer specification' -r -f -a "json\t''
singer\t''"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l jq -d 'Print what this jq expression makes of each record, such as .data.email' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l forward -d 'Keep a delivery of each record and make it: 3000, host:port/path, a URL; what is not taken yet waits for the next call' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l secret -d 'Sign what is forwarded, as Standard Webhooks: text, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l exec -d 'Run this for each record, which stands on its stdin; it counts as read when that ends with 0' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l record -d 'Append records with their times to a file that `evt events import` and `replay` read' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l interval -d 'Ask again after so long: the shortest wait while there is news, growing to the longest' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l max -d 'End after N records' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l lookback -d 'Read again so far behind: a record may become visible so long after its date' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l page-size -d 'Ask for so many records at a time' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l key -d 'Where a record has its key; found out where it is not given (sk, id, _id)' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l field -d 'Where a record has its date of change' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l ignore-field -d 'A change of this alone is no change (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l strategy -d 'The order in which to read: auto asks in ascending order and falls back where a server does not allow it' -r -f -a "auto\t''
asc\t'The oldest change first'
desc\t'The newest first'
pages\t'Page by page, until nothing new comes'"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l rate -d 'No more requests than this: 5/s, 100/m' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l timeout -d 'Give up a request that takes longer, and make it again' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l max-wait -d 'The longest wait that the server may ask for' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l state-key -d 'Remember under this name, in place of PROFILE.DATATYPE' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l reconcile -d 'Also walk through everything without a date: the first time to learn it, then to print what was never seen'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l envelope -d 'Put each record into an envelope with an id by which a reader can drop what comes twice'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l save -d 'Keep the records as events, for `evt events`'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l follow -d 'Go on and ask again when all has been read'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l force -d 'Take over from another poller that has the state; that one ends at its next commit'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand poll; and not __fish_seen_subcommand_from state" -a "state" -d 'See how far each datatype was read, carry that elsewhere, go back'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "list" -d 'List the states: what was polled, how far it was read, who polls it now'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "show" -d 'Show one state'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "export" -d 'Write a state as JSON, with every version that it remembers'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "set" -d 'Set a state from an export, or from a Singer state'
complete -c evt -n "__fish_evt_using_subcommand poll; and __fish_seen_subcommand_from state" -f -a "reset" -d 'Forget a state, so that the next poll begins anew, or move it back to a time'
complete -c evt -n "__fish_evt_using_subcommand send" -l list -d 'List the samples: all, a vendor\'s (`stripe`), or those of a pattern (`stripe/invoice.*`, `*refund*`)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l to -d 'Where to send: 3000, :3000/path, host:port, a URL or unix:/path; if not given, a vendor\'s event goes to the receiver of the running `evt dev`, and all else to the local listener' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l seed -d 'Same ids and times each time; the signature\'s time is the present all the same' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l set -d 'Set a value of the body: path=text or path:=json (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l unset -d 'Remove a value of the body (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -s H -l header -d 'Add or replace a header (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l sign -d 'Sign by this scheme, or `none`; a sample is signed as its vendor signs' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l secret -d 'The secret to sign with: text, env:NAME, file:PATH, cmd:… or - (repeatable where the header is a list, for rotation)' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l tamper -d 'Send what must be refused: body, signature, timestamp or replay; exit 0 if it is (4xx), 8 if not' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l times -d 'Send it so many times, each signed anew under its own id; these are counted and not kept' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l rate -d 'At most so often, such as 50/s' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l concurrency -d 'Over so many connections at once' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l expect-status -d 'Exit 9 unless the answer has this status: 2xx, 200, or a list' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l timeout -d 'How long the target may take' -r
complete -c evt -n "__fish_evt_using_subcommand send" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand send" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand send" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand send" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand send" -l dry-run -d 'Send nothing; show the request, byte for byte with -o raw, or as a command with -o curl'
complete -c evt -n "__fish_evt_using_subcommand send" -l set-new -d 'Let --set add what is not there'
complete -c evt -n "__fish_evt_using_subcommand send" -l edit -d 'Open the body in $VISUAL or $EDITOR first'
complete -c evt -n "__fish_evt_using_subcommand send" -l check -d 'Try what the endpoint must accept and what it must refuse, one request after the other; exit 8 unless all of it holds'
complete -c evt -n "__fish_evt_using_subcommand send" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand send" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand send" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand send" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand send" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l list -d 'List the samples: all, a vendor\'s (`stripe`), or those of a pattern (`stripe/invoice.*`, `*refund*`)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l to -d 'Where to send: 3000, :3000/path, host:port, a URL or unix:/path; if not given, a vendor\'s event goes to the receiver of the running `evt dev`, and all else to the local listener' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l seed -d 'Same ids and times each time; the signature\'s time is the present all the same' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l set -d 'Set a value of the body: path=text or path:=json (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l unset -d 'Remove a value of the body (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -s H -l header -d 'Add or replace a header (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l sign -d 'Sign by this scheme, or `none`; a sample is signed as its vendor signs' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l secret -d 'The secret to sign with: text, env:NAME, file:PATH, cmd:… or - (repeatable where the header is a list, for rotation)' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l tamper -d 'Send what must be refused: body, signature, timestamp or replay; exit 0 if it is (4xx), 8 if not' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l times -d 'Send it so many times, each signed anew under its own id; these are counted and not kept' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l rate -d 'At most so often, such as 50/s' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l concurrency -d 'Over so many connections at once' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l expect-status -d 'Exit 9 unless the answer has this status: 2xx, 200, or a list' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l timeout -d 'How long the target may take' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand trigger" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand trigger" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand trigger" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand trigger" -l dry-run -d 'Send nothing; show the request, byte for byte with -o raw, or as a command with -o curl'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l set-new -d 'Let --set add what is not there'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l edit -d 'Open the body in $VISUAL or $EDITOR first'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l check -d 'Try what the endpoint must accept and what it must refuse, one request after the other; exit 8 unless all of it holds'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand trigger" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand trigger" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand trigger" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand trigger" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -f -a "list" -d 'List what was received and sent, the newest last'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -f -a "show" -d 'Show all of an event: request, headers, verdict, body'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -f -a "replay" -d 'Send events again: the same bytes and headers, or changed ones'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -f -a "verify" -d 'Check an event\'s signature and say why it is valid or not'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -f -a "diff" -d 'Compare two events: request line, headers, body'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -f -a "export" -d 'Write events in a form that others read'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -f -a "import" -d 'Keep events that were exported: NDJSON or HAR'
complete -c evt -n "__fish_evt_using_subcommand events; and not __fish_seen_subcommand_from list show replay verify diff export import prune" -f -a "prune" -d 'Remove old events, the oldest first'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l type -d 'Only these types: contact.created, \'contact.*\', \'contact.>\', or all but \'!contact.*\' (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l where -d 'Only those for which this holds, such as \'data.data.amount >= 100\' (`evt man grammar`)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l status -d 'Only those with this outcome, signature or answer: kept, rejected, queued, delivered, failed, verified, invalid, 500, 5xx' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l since -d 'Only those received since: 10m, 2h or 7d (ago), 2026-04-25, or an RFC 3339 time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l until -d 'Only those received before' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l limit -d 'Only the newest N of them; 0 for all' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l show-secrets -d 'Show what authorises, too; on a terminal only'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l to -d 'Where to send: 3000, :3000/path, host:port, a URL or unix:/path; if not given, to the local listener' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l type -d 'Only these types: contact.created, \'contact.*\', \'contact.>\', or all but \'!contact.*\' (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l where -d 'Only those for which this holds, such as \'data.data.amount >= 100\' (`evt man grammar`)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l status -d 'Only those with this outcome, signature or answer: kept, rejected, queued, delivered, failed, verified, invalid, 500, 5xx' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l since -d 'Only those received since: 10m, 2h or 7d (ago), 2026-04-25, or an RFC 3339 time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l until -d 'Only those received before' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l limit -d 'Only the newest N of them; 0 for all' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l set -d 'Set a value of the body: path=text or path:=json (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l unset -d 'Remove a value of the body (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s H -l header -d 'Add or replace a header (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l resign -d 'Sign anew; by the scheme of the event\'s own signature if none is named' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l secret -d 'The secret to sign with: text, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l rate -d 'At most so often, such as 10/s' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l timing -d 'With the times between them that they came with; =2 is twice as fast' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l timeout -d 'How long the target may take' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l all -d 'All that are kept'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l set-new -d 'Let --set add what is not there'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l edit -d 'Open the body in $VISUAL or $EDITOR first'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l dry-run -d 'Send nothing; show what would be sent, byte for byte with -o raw, or as a command with -o curl'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from replay" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l scheme -d 'By this scheme; if not given, by the one that was checked on receipt' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l secret -d 'The secret: text, env:NAME, file:PATH, cmd:… or - (repeatable, any one may fit)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l tolerance -d 'How far the signed time may lie from the time of judgement; 0 switches the check off; if not given, what the scheme asks for, mostly 5m' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l at -d 'Judge as of this time: now is `0`, before is 10m, 2h, 2026-04-25, or an RFC 3339 time; if not given, as of receipt' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l public-url -d 'The URL that the sender called, where a tunnel or proxy stood in between' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l exact -d 'Compare bodies as they came, white space included'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l expect-same -d 'Exit 9 if they differ'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l format -d 'The form' -r -f -a "ndjson\t'One JSON object a line, exact'
har\t'HTTP Archive 1.2'
curl\t'One command an event, for a POSIX shell'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s f -l file -d 'Write to this file (readable by you alone) in place of stdout' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l to -d 'Where the curl commands send to; if not given, where the event came' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l type -d 'Only these types: contact.created, \'contact.*\', \'contact.>\', or all but \'!contact.*\' (repeatable)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l where -d 'Only those for which this holds, such as \'data.data.amount >= 100\' (`evt man grammar`)' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l status -d 'Only those with this outcome, signature or answer: kept, rejected, queued, delivered, failed, verified, invalid, 500, 5xx' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l since -d 'Only those received since: 10m, 2h or 7d (ago), 2026-04-25, or an RFC 3339 time' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l until -d 'Only those received before' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l limit -d 'Only the newest N of them; 0 for all' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l keep -d 'Remove what is older than this' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l max-size -d 'Remove the oldest until bodies and headers take no more than this' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l all -d 'Remove everything'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l dry-run -d 'Only say what would be removed'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s y -l yes -d 'Do not ask'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand events; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "list" -d 'Find records'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "show" -d 'Show one record'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "create" -d 'Create records'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "update" -d 'Change fields of a record, or replace its data'
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -f -a "delete" -d 'Delete records'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l where -d 'Only records for which this holds: `email=ada@example.com`, `amount>=100`, `state!=deleted`, `name~^A`; several must all hold' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l query -d 'A filter in the platform\'s own form (Mongo), as JSON' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l sort -d 'Order by a field, `:asc` or `:desc`; several in turn' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l limit -d 'Stop after this many' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l page-size -d 'Ask for this many at a time' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l all -d 'All that there are'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s f -l file -d 'Read JSON objects from a file, or from stdin with `-`: one, one a line, or an array' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s f -l file -d 'Replace all data by the JSON object in a file, or on stdin with `-`' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand records; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "list" -d 'List the flows of the organisation'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "show" -d 'Show one flow\'s document'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "create" -d 'Create a flow: from flags, from a YAML or JSON file, or by questions'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "apply" -d 'Create and change flows until they equal the files'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "edit" -d 'Change a flow in your editor'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "delete" -d 'Delete flows'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "enable" -d 'Let flows react to events, or stop them from doing so'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "disable" -d 'Let flows react to events, or stop them from doing so'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "execute" -d 'Run a flow now, whatever it starts on'
complete -c evt -n "__fish_evt_using_subcommand flows; and not __fish_seen_subcommand_from list show create apply edit delete enable disable execute runs" -f -a "runs" -d 'Show runs: each step, each attempt, and why a condition said no'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l show-secrets -d 'Show secrets and headers that authorise, which are masked otherwise'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l on -d 'Start on this trigger or event: contact.created, order.*; several: any of them' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l webhook -d 'POST the event here: 4871/hook, host:port, a URL' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l when -d 'Only when this holds: `data.status == "lead"`' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s H -l header -d 'Send this header; its value may be env:NAME, file:PATH or cmd:…' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l secret -d 'Sign with this secret in place of the platform\'s own: text, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l name -d 'Name the flow; made from the trigger and the target otherwise' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s f -l file -d 'Read the flow from a file, or from stdin with `-`' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l disabled -d 'Create it switched off'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l dry-run -d 'Print what would be sent and send nothing; references to secrets stay references'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l show-secrets -d 'Show secrets, which are masked otherwise'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l force -d 'Create it also where a remote platform cannot be expected to make it work'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s f -l file -d 'A YAML or JSON file, a folder of them, or stdin with `-`; several add up' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l prune -d 'Delete the flows that are in none of the files'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s y -l yes -d 'Do not ask'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l dry-run -d 'Show the difference and change nothing'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l force -d 'Apply also what a remote platform cannot be expected to make work'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l force -d 'Apply also what a remote platform cannot be expected to make work'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s f -l file -d 'Read the context from a JSON file, or from stdin with `-`; fields are set on top' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s w -l watch -d 'Wait until the run is over and show each step and attempt'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from execute" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l status -d 'Only runs that ended like this: completed, failed, skipped (a condition said no), blocked (a loop), …' -r -f -a "pending\t''
running\t''
completed\t''
failed\t''
cancelled\t''
skipped\t''
blocked\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l limit -d 'The latest so many' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s w -l watch -d 'Go on, and show runs as they come and change'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand flows; and __fish_seen_subcommand_from runs" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -f -a "list" -d 'List queues and endpoints, or jobs'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -f -a "show" -d 'Show a job and each of its attempts'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -f -a "retry" -d 'Run jobs again: sooner where they wait, as new jobs under the same message id where they are over'
complete -c evt -n "__fish_evt_using_subcommand queue; and not __fish_seen_subcommand_from list show retry discard" -f -a "discard" -d 'Take jobs off their queue for good'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l state -d 'List jobs in this state (repeatable)' -r -f -a "waiting\t''
active\t''
done\t''
dead\t''
discarded\t''
quarantined\t''
redriven\t''
held\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l endpoint -d 'List jobs for this server, or with a path for this target' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l where -d 'List jobs whose event fits this condition, such as \'data.data.amount >= 100\'' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l limit -d 'List this many of the newest jobs' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l dead -d 'List jobs that were given up: dead and quarantined'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l inbox -d 'Only deliveries of `evt listen --retry` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l inbox -d 'Only deliveries of `evt listen --retry` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l endpoint -d 'All for this server, or with a path for this target; a disabled one is enabled by a retry' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l where -d 'All whose event fits this condition, such as \'data.data.amount >= 100\'' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l rate -d 'Spread the deliveries: so many a second' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l all -d 'All that wait, are dead or quarantined'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l dead -d 'All that are dead'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s n -l dry-run -d 'Only say how many there are'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l inbox -d 'Only deliveries of `evt listen --retry` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l endpoint -d 'All for this server, or with a path for this target; a disabled one is enabled by a retry' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l where -d 'All whose event fits this condition, such as \'data.data.amount >= 100\'' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l all -d 'All that wait, are dead or quarantined'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l dead -d 'All that are dead'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s y -l yes -d 'Do not ask'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s n -l dry-run -d 'Only say how many there are'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l inbox -d 'Only deliveries of `evt listen --retry` (the inbox)'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l dev -d 'Only deliveries of the running `evt dev`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand queue; and __fish_seen_subcommand_from discard" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "list" -d 'List the profiles'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "show" -d 'Show one profile, resolved: what a call would use'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "add" -d 'Add a profile, or change one'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "use" -d 'Use a profile wherever none is named'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "remove" -d 'Remove a profile and forget its sign-in'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "login" -d 'Sign in and keep the token'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "logout" -d 'Forget the token'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "whoami" -d 'Show who the token stands for'
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -f -a "refresh" -d 'Get a new token for the one that `evt profile login` kept'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from use" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l email -d 'Your address' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l password -d 'Your password: a literal, env:NAME, file:PATH, cmd:… or -' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l customer -d 'Sign in as a customer of the organisation, not as one who works for it'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from login" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from logout" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from whoami" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand profile; and __fish_seen_subcommand_from refresh" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "show" -d 'Show the settings in force and where each comes from'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "get" -d 'Print the value of one setting'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "set" -d 'Set a value in your file, or the project\'s'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "unset" -d 'Remove a setting from your file, or the project\'s'
complete -c evt -n "__fish_evt_using_subcommand config; and not __fish_seen_subcommand_from show get set unset path" -f -a "path" -d 'Print where files lie'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l all -d 'Show every setting, also those that are not set'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l project -d 'Change ./evt.toml in place of your own file'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l project -d 'Change ./evt.toml in place of your own file'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from unset" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand config; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand doctor" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand doctor" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand doctor" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand doctor" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand doctor" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand doctor" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand doctor" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand doctor" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand completions" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand completions" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand completions" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand completions" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand completions" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand completions" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand completions" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand completions" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand completions" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand completions" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand completions" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand completions" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand man" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand man" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand man" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand man" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand man" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand man" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand man" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand man" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand man" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand man" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand man" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand man" -s h -l help -d 'Print help'
complete -c evt -n "__fish_evt_using_subcommand generate" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand generate" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand generate" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''
curl\t'Only `evt send --dry-run`: the request as a command'"
complete -c evt -n "__fish_evt_using_subcommand generate" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c evt -n "__fish_evt_using_subcommand generate" -l url -d 'Speak to this platform, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand generate" -l org -d 'Act in this organisation, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand generate" -l token -d 'Authorise with this token, whatever the profile says' -r
complete -c evt -n "__fish_evt_using_subcommand generate" -l json -d 'The same as `-o json`'
complete -c evt -n "__fish_evt_using_subcommand generate" -s q -l quiet -d 'Say nothing but errors and warnings on stderr'
complete -c evt -n "__fish_evt_using_subcommand generate" -s v -l verbose -d 'Say more on stderr; `-vv` logs'
complete -c evt -n "__fish_evt_using_subcommand generate" -l no-input -d 'Ask nothing, even on a terminal'
complete -c evt -n "__fish_evt_using_subcommand generate" -s h -l help -d 'Print help'
