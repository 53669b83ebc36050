#!/bin/sh
# Downloads cma-mcp for this machine, checks its hash, installs it, and says what to do next.
#
#   curl --proto '=https' -fsSL https://github.com/OWNER/REPOSITORY/releases/latest/download/install.sh | sh
#
# End the line with "sh -s --" and flags to change what it does:
#
#   --version <version>   install this version; default: the latest
#   --dir <folder>        install into this folder; default: ~/.local/bin
#   --host <host>         also add the server to a host's configuration: claude-desktop,
#                         claude-code, cursor, vscode, gemini, qwen, copilot, opencode or cline
#                         (codex and continue: see 'cma-mcp config'). On a terminal it asks for your
#                         API key, which it does not show. Shows what would change, asks, and keeps a
#                         backup
#   --yes                 do not ask
#   --uninstall           remove the program; with --host, also from that host's configuration. Says
#                         what is left of it in hosts' files, and deletes nothing there
#
# CMA_MCP_BASE_URL is the address of the releases on a mirror.

# The braces make the shell read all of this before it runs any of it: a download that breaks off
# does nothing.
{
set -eu
# Hosts' files may hold keys, and so may the files that are written here.
umask 077

releases=${CMA_MCP_BASE_URL:-https://github.com/OWNER/REPOSITORY/releases}
version=latest
dir=$HOME/.local/bin
host=
yes=
uninstall=

fail() {
  printf 'install: %s\n' "$1" >&2
  exit 1
}

say() {
  printf '%s\n' "$1"
}

while [ $# -gt 0 ]; do
  case $1 in
    --version | --dir | --host)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --version) version=${2#v} ;;
        --dir) dir=$2 ;;
        --host) host=$2 ;;
      esac
      shift 2
      ;;
    --yes) yes=1; shift ;;
    --uninstall) uninstall=1; shift ;;
    *) fail "unknown flag '$1': type --version, --dir, --host, --yes or --uninstall" ;;
  esac
done

work=$(mktemp -d)
# The path of a file that is not finished; it is removed at the end.
new=
# The terminal's settings while it does not show what is typed.
terminal=
trap 'rm -rf "$work"; [ -z "$new" ] || rm -f "$new"; [ -z "$terminal" ] || stty "$terminal" </dev/tty' EXIT
trap 'exit 1' INT TERM

has_terminal() {
  (: </dev/tty) 2>/dev/null
}

# Asks the user, at the terminal: standard input may be the pipe that this script came through.
agreed() {
  [ -z "$yes" ] || return 0
  if ! has_terminal; then
    say "Nobody can be asked here, because there is no terminal: run it again with --yes."
    return 1
  fi
  printf '%s [y/N] ' "$1"
  read -r answer </dev/tty || answer=
  case $answer in
    [yY] | [yY][eE][sS]) return 0 ;;
    *) return 1 ;;
  esac
}

# Hides the values of fields that hold credentials, and texts that look like one.
without_secrets() {
  sed -E \
    -e 's/("[^"]*([Kk][Ee][Yy]|[Tt][Oo][Kk][Ee][Nn]|[Ss][Ee][Cc][Rr][Ee][Tt]|[Pp][Aa][Ss][Ss]|[Aa][Uu][Tt][Hh])[^"]*"[[:space:]]*:[[:space:]]*")[^"<$]{4,}"/\1…"/g' \
    -e 's/(sk-ant-|gh[a-z]_|xox[a-z]-|[Bb]earer )[A-Za-z0-9._-]{4,}/\1…/g'
}

key_place='<your API key>'

# Asks for the key and puts it into $work/config. The key is never on a command line, where other
# users of the machine could read it: only commands of the shell itself get it.
fill_in_key() {
  terminal=$(stty -g </dev/tty)
  # Before the question: who types fast would be shown otherwise.
  stty -echo </dev/tty
  printf 'Your API key for %s (not shown; leave it empty to put it in later): ' "$host"
  read -r key </dev/tty || key=
  stty "$terminal" </dev/tty
  terminal=
  say ""
  case $key in
    '') return 0 ;;
    *[!A-Za-z0-9_.-]*) fail "that is no API key: it has letters, digits, '-' and '_' only. Nothing was changed" ;;
  esac
  # The x keeps the line ends at the end of the file.
  text=$(cat "$work/config"; printf x)
  text=${text%x}
  printf '%s%s%s' "${text%%"$key_place"*}" "$key" "${text#*"$key_place"}" >"$work/filled"
  mv "$work/filled" "$work/config"
}

# Writes what 'cma-mcp config' prints into the host's file; $1 is --merge or --remove.
write_host() {
  "$program" config "$host" "$1" >"$work/config" 2>"$work/said" || {
    cat "$work/said" >&2
    # Without a file there is nothing to remove.
    if [ "$1" = --remove ] && grep -q 'nothing has to be removed' "$work/said"; then return 0; fi
    fail "nothing was changed: the configuration of $host stays as it is"
  }
  path=$(sed -n -e 's/^This is what to write to //p' -e 's/^Nothing to change in //p' "$work/said")
  if [ "$1" = --merge ] && [ -z "$yes" ] && has_terminal && grep -qF "$key_place" "$work/config"; then
    fill_in_key
  elif grep -q '^Nothing to change in ' "$work/said"; then
    say "$path is already as it should be."
    return 0
  fi
  [ -n "$path" ] || fail "cannot tell which file $host reads: run '$program config $host $1' and write it by hand"
  if [ -e "$path" ] && cmp -s "$path" "$work/config"; then
    say "$path is already as it should be."
    return 0
  fi
  old=$path
  [ -e "$path" ] || old=/dev/null
  say ""
  say "$path would change like this:"
  diff -U 0 "$old" "$work/config" | sed '1,2d' | without_secrets || true
  agreed "Write it?" || { say "It stays as it is."; return 0; }
  # If the file is a link, the file behind it is replaced, and the link stays.
  target=$path
  for _ in 1 2 3 4 5 6 7 8; do
    [ -L "$target" ] || break
    link=$(readlink "$target")
    case $link in
      /*) target=$link ;;
      *) target=$(dirname "$target")/$link ;;
    esac
  done
  mkdir -p "$(dirname "$target")"
  # Written beside it and then renamed: a reader sees the old file or the new one, never a part of
  # it, and when the disk is full the old one stays.
  new=$(mktemp "$target.XXXXXXXX")
  if [ -e "$target" ]; then
    backup=$(mktemp "$target.backup-$(date +%Y%m%d%H%M%S)-XXXXXXXX")
    cp -p "$target" "$backup"
    say "The old file is kept as $backup."
    # Copies its permissions.
    cp -p "$target" "$new"
  fi
  cat "$work/config" >"$new" || fail "cannot write $new: $path stays as it is"
  mv -f "$new" "$target"
  new=
  say "Written."
  [ "$1" = --merge ] || return 0
  ! grep -qF "$key_place" "$path" || say "Now put your key into it, in place of '$key_place'."
  say "Start the host again to have it read that; '$program doctor --host $host' checks it."
}

# Says what hosts' files still have of the program; only the program can tell.
say_what_is_left() {
  if ! "$program" config all --remove >"$work/left" 2>"$work/said"; then
    say "$program does not run, so hosts' files were not looked through: $(cat "$work/said")"
  elif ! grep -q ' hold nothing of cma-mcp' "$work/left"; then
    say "Left as they are:"
    sed 's/^/  /' "$work/left"
  fi
}

program=$dir/cma-mcp
if [ -n "$uninstall" ]; then
  [ -e "$program" ] || fail "there is no $program: name the folder of the program with --dir"
  [ -z "$host" ] || write_host --remove
  say_what_is_left
  rm -f "$program"
  say "Removed $program."
  exit 0
fi

case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=macos ;;
  *) fail "there is no executable for $(uname -s); on Windows use install.ps1" ;;
esac
case $(uname -m) in
  x86_64 | amd64) arch=x64 ;;
  arm64 | aarch64) arch=arm64 ;;
  *) fail "there is no executable for $(uname -m)" ;;
esac
# On Apple silicon, a shell that runs under Rosetta reports x86_64.
if [ "$os" = macos ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
  arch=arm64
fi
if [ "$os" = linux ] && ldd --version 2>&1 | grep -qi musl; then
  fail "the executable needs glibc, which this system does not have: use the image instead"
fi

# A download that begins with https follows no redirect to http. GitHub redirects to the place where
# it keeps the files. A mirror may be plain http, such as one on this machine.
case $releases in
  https://*) schemes='https' ;;
  *) schemes='http,https' ;;
esac
if command -v curl >/dev/null 2>&1; then
  fetch() { curl --proto "=$schemes" -fsSL --retry 2 -o "$2" "$1"; }
elif command -v wget >/dev/null 2>&1; then
  # wget would follow a redirect to any scheme, so it follows none, and this loop does.
  fetch() {
    url=$1
    for _ in 1 2 3 4 5 6 7 8; do
      case $url in
        https://*) ;;
        http://*) [ "$schemes" != https ] || return 1 ;;
        *) return 1 ;;
      esac
      if wget -q -S --max-redirect=0 -O "$2" "$url" 2>"$work/head"; then return 0; fi
      url=$(sed -n 's/^ *[Ll]ocation: *\([^ ]*\).*$/\1/p' "$work/head" | tr -d '\r' | tail -n 1)
    done
    return 1
  }
else
  fail "curl or wget is needed to download it"
fi
if command -v sha256sum >/dev/null 2>&1; then
  hash_of() { sha256sum "$1" | cut -d ' ' -f 1; }
elif command -v shasum >/dev/null 2>&1; then
  hash_of() { shasum -a 256 "$1" | cut -d ' ' -f 1; }
else
  fail "sha256sum or shasum is needed to check the download"
fi

if [ "$version" = latest ]; then
  from=$releases/latest/download
else
  from=$releases/download/v$version
fi
fetch "$from/SHA256SUMS" "$work/SHA256SUMS" || fail "cannot download $from/SHA256SUMS"
# Finds the file's name, which has the version in it.
line=$(grep -E "^[0-9a-f]{64}  cma-mcp-[0-9A-Za-z.-]+-$os-$arch\.tar\.gz\$" "$work/SHA256SUMS") ||
  fail "$from has nothing for $os $arch"
want=${line%% *}
file=${line##* }
say "Downloading $file"
fetch "$from/$file" "$work/$file" || fail "cannot download $from/$file"
have=$(hash_of "$work/$file")
[ "$have" = "$want" ] ||
  fail "$file is not what was released (SHA-256 $have, not $want): nothing was installed"
tar -xzf "$work/$file" -C "$work" cma-mcp || fail "$file cannot be unpacked"

(umask 022 && mkdir -p "$dir") || fail "cannot make $dir: name another folder with --dir"
[ ! -d "$program" ] || fail "$program is a folder: name another with --dir"
# Copied beside it under a random name, run there once, and only then renamed: a program that does not
# run replaces nothing, and a server that is running keeps the file that it was started from.
new=$(mktemp "$dir/.cma-mcp.XXXXXXXX") || fail "cannot write to $dir: name another folder with --dir"
cp "$work/cma-mcp" "$new" || fail "cannot write $new"
chmod 755 "$new"
installed=$("$new" --version) ||
  fail "$file does not run here: nothing was installed"
mv -f "$new" "$program"
new=
say "Installed $program, version $installed; its SHA-256 is that of the release."
case :$PATH: in
  *:"$dir":*) ;;
  *) say "$dir is not on your PATH: type $program instead of cma-mcp below." ;;
esac
if [ -n "$host" ]; then
  write_host --merge
else
  say ""
  say "Next:"
  say "  cma-mcp demo                    see one whole turn, without a key"
  say "  cma-mcp config claude-desktop   what to paste into Claude Desktop, and where"
  say "  cma-mcp doctor                  check key, network, agents and hosts"
fi
exit 0
}
