#!/bin/sh
# Brings the files of a local job in or out: "Staging" in docs/state.md. For dash, bash (3.2, too) and busybox.
#
#   sh xosaga_staging.sh <in or out> <job id> [<copy, append or remove> <from> <to>]...
#
#   sh xosaga_staging.sh clear <in or out> <job id> <steps>...
#
# The second form removes the temporary file that one which was killed has left.
# The steps are carried out in their order until one fails; its reason is on standard error. Paths are absolute. A target is
# the old file or the new one at every instant, and TERM leaves it so.

set -f
unset IFS CDPATH
LC_ALL=C
export LC_ALL
clear=
if [ "$1" = clear ]; then
  clear=1
  shift
fi
direction=$1 id=$2 step=0 temporary=
shift 2

give_up() {
  if [ "$temporary" ]; then rm -f -- "$temporary"; fi
  exit 143
}
trap give_up TERM INT HUP

# <what could not be done> <what a program said of it>
fail() {
  if [ "$temporary" ]; then rm -f -- "$temporary"; fi
  printf '%s: %s\n' "$1" "$2" >&2
  exit 1
}

# Where the target really is, in target: a link to it stays a link. As many links as the system would follow.
follow_links() {
  links=0
  while [ -L "$target" ]; do
    links=$((links + 1))
    if [ "$links" -gt 40 ]; then fail "cannot write to '$to'" 'Too many levels of symbolic links'; fi
    # The dot keeps a newline at the end of a name from being taken away.
    link=$(readlink "$target" && printf .)
    link=${link%.} link=${link%?}
    case $link in /*) target=$link ;; *) target=${target%/*}/$link ;; esac
  done
}

# The name of the file beside the target, in temporary. Known before it is there: TERM may come in between.
name_temporary() {
  follow_links
  folder=${target%/*}/
  temporary=$folder.xosaga-$id-$direction$step
}

# An empty file of that name that nobody else has put there: noclobber is O_EXCL.
make_temporary() {
  name_temporary
  if [ ! -d "$folder" ]; then fail "cannot write to '$to'" "its directory '$folder' does not exist"; fi
  rm -f -- "$temporary"
  said=$( (umask 077 && set -C && true >"$temporary") 2>&1) || fail "cannot write to '$to'" "${said##*: }"
}

# <verb>: from the file `from` to the file `to`.
transfer() {
  what="cannot $1 '$from' to '$to'" target=$to
  if [ -d "$from" ]; then fail "$what" 'the source is a directory, and only files are transferred'; fi
  if [ ! -e "$from" ]; then fail "$what" 'the source does not exist'; fi
  if [ -d "$to" ]; then fail "$what" 'the target is a directory: name the file in it'; fi
  if [ -e "$to" ] && [ ! -w "$to" ]; then fail "$what" 'the target may not be written'; fi
  # A FIFO or a device.
  if [ -e "$to" ] && [ ! -f "$to" ]; then
    said=$(cat <"$from" 2>&1 >"$to") || fail "$what" "$said"
    return
  fi
  if [ -e "$to" ] && [ "$from" -ef "$to" ]; then fail "$what" 'they are the same file'; fi
  make_temporary
  if [ "$1" = append ] && [ -e "$target" ]; then
    said=$(cp -p -- "$target" "$temporary" 2>&1) || fail "$what" "$said"
    said=$(cat <"$from" 2>&1 >>"$temporary") || fail "$what" "$said"
  else
    said=$(cp -p -- "$from" "$temporary" 2>&1) || fail "$what" "$said"
  fi
  said=$(mv -f -- "$temporary" "$target" 2>&1) || fail "$what" "$said"
  temporary=
}

# Of the step from `from` to `to`.
clear_up() {
  if [ -z "$to" ]; then return; fi
  target=$to
  name_temporary
  rm -f -- "$temporary"
  temporary=
}

while [ $# -gt 0 ]; do
  verb=$1 from=$2 to=$3 step=$((step + 1))
  case $clear$verb in
    1*) clear_up ;;
    copy | append) transfer "$verb" ;;
    remove) said=$(rm -f -- "$from" 2>&1) || fail "cannot remove '$from'" "$said" ;;
    *) fail "$verb" 'is no step' ;;
  esac
  shift 3
done
