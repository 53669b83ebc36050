#!/bin/sh
# Downloads cma-mcp for this machine, checks its hash, and says what to do next.
#
#   curl --proto '=https' -fsSL https://github.com/OWNER/REPOSITORY/releases/latest/download/install.sh | sh
#
# With "sh -s --" at the end, followed by:
#
#   --version <version>   another than the latest
#   --dir <folder>        where to put it; ~/.local/bin
#   --host <host>         also into a host's configuration: claude-desktop, claude-code, cursor,
#                         vscode, gemini, qwen, copilot, opencode or cline (codex and continue:
#                         see 'cma-mcp config'). Shows what would change, asks, and keeps a backup
#   --yes                 does not ask
#   --uninstall           removes it again, with --host from the host's configuration too
#
# CMA_MCP_BASE_URL names another place that has the releases, such as a mirror.

# In braces, so that the shell has read all of it before it does anything: a download that broke off
# does nothing.
{
set -eu
# What is written here may end up beside keys.
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
    *) fail "cannot use '$1': type --version, --dir, --host, --yes or --uninstall" ;;
  esac
done

work=$(mktemp -d)
# What is being written beside the place where it belongs.
new=
trap 'rm -rf "$work"; [ -z "$new" ] || rm -f "$new"' EXIT
trap 'exit 1' INT TERM

# Asks the person, also where this script itself came in through a pipe.
agreed() {
  [ -z "$yes" ] || return 0
  if ! (: </dev/tty) 2>/dev/null; then
    say "Nobody can be asked here: run it again with --yes to do that."
    return 1
  fi
  printf '%s [y/N] ' "$1"
  read -r answer </dev/tty || answer=
  case $answer in
    [yY] | [yY][eE][sS]) return 0 ;;
    *) return 1 ;;
  esac
}

# Hides what stands where credentials stand, and what looks like one.
without_secrets() {
  sed -E \
    -e 's/("[^"]*([Kk][Ee][Yy]|[Tt][Oo][Kk][Ee][Nn]|[Ss][Ee][Cc][Rr][Ee][Tt]|[Pp][Aa][Ss][Ss]|[Aa][Uu][Tt][Hh])[^"]*"[[:space:]]*:[[:space:]]*")[^"<$]{4,}"/\1…"/g' \
    -e 's/(sk-ant-|gh[a-z]_|xox[a-z]-|[Bb]earer )[A-Za-z0-9._-]{4,}/\1…/g'
}

# Puts what 'cma-mcp config' prints into the host's file: $1 is --merge or --remove.
write_host() {
  "$program" config "$host" "$1" >"$work/config" 2>"$work/said" || {
    cat "$work/said" >&2
    # No file is as good as a file without the server.
    if [ "$1" = --remove ] && grep -q 'nothing has to be removed' "$work/said"; then return 0; fi
    fail "the configuration of $host stays as it is"
  }
  if grep -q '^Nothing to change in ' "$work/said"; then
    say "$(sed -n 's/^Nothing to change in //p' "$work/said") is already as it should be."
    return 0
  fi
  path=$(sed -n 's/^This is what to write to //p' "$work/said")
  [ -n "$path" ] || fail "cannot tell which file $host reads"
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
  # A link stays one: what it leads to is replaced.
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
  # Written beside it and then renamed: whoever reads it meets the old file or the new one, never a
  # part, and a full disk leaves the old one.
  new=$(mktemp "$target.XXXXXXXX")
  if [ -e "$target" ]; then
    backup=$(mktemp "$target.backup-$(date +%Y%m%d%H%M%S)-XXXXXXXX")
    cp -p "$target" "$backup"
    say "The old one is $backup."
    # For its permissions.
    cp -p "$target" "$new"
  fi
  cat "$work/config" >"$new" || fail "cannot write $new: $path stays as it is"
  mv -f "$new" "$target"
  new=
  say "Written."
  [ "$1" = --remove ] || ! grep -q '<your API key>' "$path" ||
    say "It holds '<your API key>' where your key belongs."
}

program=$dir/cma-mcp
if [ -n "$uninstall" ]; then
  [ -e "$program" ] || fail "there is no $program: name its folder with --dir"
  [ -z "$host" ] || write_host --remove
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
# A translated shell on Apple silicon calls itself x86_64.
if [ "$os" = macos ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
  arch=arm64
fi
if [ "$os" = linux ] && ldd --version 2>&1 | grep -qi musl; then
  fail "the executable needs glibc, which this system does not have: use the image instead"
fi

# Where it begins with https it stays with https, also where the server says to go on from: GitHub
# keeps releases at another address than it names. A mirror within reach may do without.
case $releases in
  https://*) schemes='https' ;;
  *) schemes='http,https' ;;
esac
if command -v curl >/dev/null 2>&1; then
  fetch() { curl --proto "=$schemes" -fsSL --retry 2 -o "$2" "$1"; }
elif command -v wget >/dev/null 2>&1; then
  # wget follows to any scheme, so it is told to follow nowhere, and asked where it should have gone.
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
# The name of the file has the version in it.
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

(umask 022 && mkdir -p "$dir")
[ ! -d "$program" ] || fail "$program is a folder: name another with --dir"
# Copied beside it, under a name that nobody knows before, tried there, and only then renamed: what
# does not run replaces nothing, and a server that runs keeps the file that it was started from.
new=$(mktemp "$dir/.cma-mcp.XXXXXXXX") || fail "cannot write to $dir"
cp "$work/cma-mcp" "$new" || fail "cannot write $new"
chmod 755 "$new"
installed=$("$new" --version) ||
  fail "$file does not run here: nothing was installed"
mv -f "$new" "$program"
new=
say "Installed $program, version $installed; its SHA-256 was as released."
case :$PATH: in
  *:"$dir":*) ;;
  *) say "$dir is not on your PATH: type $program for cma-mcp below." ;;
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
