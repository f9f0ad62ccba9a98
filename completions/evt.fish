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
raw\t''"
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
complete -c evt -n "__fish_evt_needs_command" -f -a "demo" -d 'Tour everything evt does, on the real parts, offline, in a few seconds'
complete -c evt -n "__fish_evt_needs_command" -f -a "listen" -d 'Receive webhooks, verify, keep and forward them'
complete -c evt -n "__fish_evt_needs_command" -f -a "records" -d 'See and change the records of the platform\'s repository'
complete -c evt -n "__fish_evt_needs_command" -f -a "profile" -d 'Choose which platform evt speaks to, and sign in'
complete -c evt -n "__fish_evt_needs_command" -f -a "config" -d 'Show and change settings, and say where each comes from'
complete -c evt -n "__fish_evt_needs_command" -f -a "doctor" -d 'Find what is wrong, and say how to mend it'
complete -c evt -n "__fish_evt_needs_command" -f -a "completions" -d 'Print completions for a shell'
complete -c evt -n "__fish_evt_needs_command" -f -a "man" -d 'Read the manual, offline'
complete -c evt -n "__fish_evt_needs_command" -f -a "generate" -d 'Write what is made of the commands'
complete -c evt -n "__fish_evt_using_subcommand demo" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand demo" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand demo" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''"
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
complete -c evt -n "__fish_evt_using_subcommand listen" -l verify -d 'Check signatures of this scheme (repeatable; any one may match); `evt send --list` shows schemes' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l secret -d 'Secret of the --verify before it: text, env:NAME, file:PATH, cmd:… or - (repeatable, for rotation)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l tolerance -d 'How far a signed timestamp may lie from now; 0 switches the check off' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l public-url -d 'The URL that senders call, where a tunnel or proxy stands in between' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l route -d 'Send what matches elsewhere: \'/path/*=TARGET\' or \'contact.*=TARGET\' (repeatable, first match wins)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l retry -d 'Answer 202 once the event is kept and deliver with N retries (default: five, over half a minute)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l timeout -d 'How long the target may take' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l respond -d 'Answer every accepted request with this instead: 503 or 200:ok' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l chaos -d 'Make trouble: latency=200ms,drop=1%,dup=5%,reorder' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l count -d 'End after N events (those with a bad signature do not count)' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l for -d 'End after this long; exit 9 if --count or --expect was not met' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand listen" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand listen" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''"
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
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand records; and not __fish_seen_subcommand_from list show create update delete" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -s p -l profile -d 'Use this profile: which platform, which organisation, who' -r
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -l config -d 'Read this file in place of the user\'s settings' -r -F
complete -c evt -n "__fish_evt_using_subcommand profile; and not __fish_seen_subcommand_from list show add use remove login logout whoami refresh" -s o -l output -d 'Choose the form of stdout; auto is text on a terminal and JSON elsewhere' -r -f -a "auto\t''
text\t''
json\t''
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
raw\t''"
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
