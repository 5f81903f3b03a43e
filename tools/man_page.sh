#!/bin/sh
# Writes the manual page camber(1) from what the command says of itself:  man_page.sh COMMAND >camber.1
set -eu
command=$1

# What --help says of a (sub)command, as troff.
help() {
    "$command" "$@" --help | sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/" | awk -v name="camber $*" '
        /^Usage:/ { sub(/^Usage: [^ ]*camber/, "camber"); print ".PP\n.B " $0; next }
        /^ *$/ { next }
        /^[A-Z][A-Za-z ]*:$/ { sub(/:$/, ""); print ".SS " $0; next }
        /^  [^ ]/ {
            text = substr($0, 3)
            gap = match(text, /  +/)
            print ".TP\n.B " (gap ? substr(text, 1, gap - 1) : text)
            if (gap) print substr(text, gap + RLENGTH)
            next
        }
        { sub(/^ +/, ""); print }'
}

# Names of its subcommands.
subcommands() {
    "$command" "$@" --help | awk '/^Subcommands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'
}

version=$("$command" --version)
cat <<END
.TH CAMBER 1 "" "Camber $version" "User Commands"
.SH NAME
camber \\- trains, judges and applies street\\-scene segmentation networks
.SH SYNOPSIS
.B camber
.I SUBCOMMAND
.RI [ OPTIONS ]
.SH DESCRIPTION
END
help
for subcommand in $(subcommands); do
    for path in "$subcommand" $(subcommands "$subcommand" | sed "s/^/$subcommand:/"); do
        path=$(echo "$path" | tr : ' ')
        printf '.SH "camber %s"\n' "$path"
        # shellcheck disable=SC2086
        help $path
    done
done
cat <<END
.SH EXIT STATUS
.TP
.B 0
All was done.
.TP
.B 1
Something is wrong with the data, a file or the machine. One line on standard error says what, and what to do.
.TP
.B 2
The command was misused: an unknown option, or a value out of range.
.SH SEE ALSO
The documentation of the project, in the folder
.IR docs .
END
