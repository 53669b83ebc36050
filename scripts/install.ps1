<#
.SYNOPSIS
Downloads cma-mcp for this machine, checks its hash, installs it, and says what to do next.

.DESCRIPTION
  irm https://github.com/OWNER/REPOSITORY/releases/latest/download/install.ps1 | iex

With parameters:

  & ([scriptblock]::Create((irm https://github.com/OWNER/REPOSITORY/releases/latest/download/install.ps1))) -For claude-desktop

CMA_MCP_BASE_URL is the address of the releases on a mirror.

.PARAMETER Version
The version to install; default: the latest.

.PARAMETER Dir
The folder to install into; default: %LOCALAPPDATA%\Programs\cma-mcp.

.PARAMETER For
Also adds the server to a host's configuration: claude-desktop, claude-code, cursor, vscode,
gemini, qwen, copilot, opencode or cline (codex and continue: see 'cma-mcp config'). Asks for your
API key, which it does not show, shows what would change, asks, and keeps a backup.

.PARAMETER Yes
Does not ask.

.PARAMETER Uninstall
Removes the program; with -For, also from that host's configuration. Says what is left of it in
hosts' files, and deletes nothing there.
#>
param(
  [string] $Version = 'latest',
  [string] $Dir = (Join-Path $env:LOCALAPPDATA 'Programs\cma-mcp'),
  [string] $For = '',
  [switch] $Yes,
  [switch] $Uninstall
)

$ErrorActionPreference = 'Stop'
# The progress bar of Windows PowerShell makes downloads many times slower.
$ProgressPreference = 'SilentlyContinue'

$releases = 'https://github.com/OWNER/REPOSITORY/releases'
if ($env:CMA_MCP_BASE_URL) { $releases = $env:CMA_MCP_BASE_URL }
# .NET resolves relative paths against another folder than PowerShell does.
$Dir = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Dir)
$program = Join-Path $Dir 'cma-mcp.exe'
$utf8 = New-Object System.Text.UTF8Encoding $false

# Runs a program, and returns its output byte for byte.
function Invoke-Program([string] $Path, [string[]] $Arguments) {
  $start = New-Object System.Diagnostics.ProcessStartInfo
  $start.FileName = $Path
  $start.Arguments = $Arguments -join ' '
  $start.UseShellExecute = $false
  $start.RedirectStandardOutput = $true
  $start.RedirectStandardError = $true
  $start.StandardOutputEncoding = $utf8
  $start.StandardErrorEncoding = $utf8
  $process = [System.Diagnostics.Process]::Start($start)
  # Both are read at once, or a full pipe would stop the program.
  $errors = $process.StandardError.ReadToEndAsync()
  $output = $process.StandardOutput.ReadToEnd()
  $process.WaitForExit()
  return [pscustomobject]@{ Code = $process.ExitCode; Output = $output; Errors = $errors.Result }
}

# Hides the values of fields that hold credentials, and texts that look like one.
function Hide-Secrets([string] $Line) {
  $named = $Line -replace '("[^"]*(key|token|secret|pass|auth)[^"]*"\s*:\s*")[^"<$]{4,}"', '$1..."'
  return $named -replace '(sk-ant-|gh[a-z]_|xox[a-z]-|bearer )[A-Za-z0-9._-]{4,}', '$1...'
}

# Downloads a file. A download that begins with https follows no redirect to http, as Windows
# PowerShell's own command would.
function Save-File([string] $Address, [string] $Path) {
  $next = [System.Uri] $Address
  for ($hop = 0; $hop -lt 8; $hop++) {
    $request = [System.Net.HttpWebRequest] [System.Net.WebRequest]::Create($next)
    $request.AllowAutoRedirect = $false
    $request.UserAgent = 'cma-mcp-install'
    $response = $request.GetResponse()
    try {
      if ([int] $response.StatusCode -lt 300) {
        $file = [System.IO.File]::Create($Path)
        try { $response.GetResponseStream().CopyTo($file) } finally { $file.Close() }
        return
      }
      $from = $next
      $next = New-Object System.Uri -ArgumentList $from, $response.Headers['Location']
    } finally {
      $response.Close()
    }
    if ($next.Scheme -ne 'https' -and $from.Scheme -eq 'https') { throw "$from redirects to $($next.Scheme), which is not followed: nothing was downloaded" }
  }
  throw "$Address redirects too often: nothing was downloaded"
}

# Puts a finished file in the place of another: a reader sees the old file or the new one, never a
# part of it.
function Move-IntoPlace([string] $New, [string] $Path) {
  if (Test-Path -LiteralPath $Path) {
    [System.IO.File]::Replace($New, $Path, [NullString]::Value)
  } else {
    [System.IO.File]::Move($New, $Path)
  }
}

$keyPlace = '<your API key>'

# Asks for the key and puts it into the text of a host's file. The key is never on a command line,
# where other users of the machine could read it.
function Add-Key([string] $Text) {
  $typed = Read-Host "Your API key for $For (not shown; leave it empty to put it in later)" -AsSecureString
  $key = (New-Object System.Net.NetworkCredential -ArgumentList '', $typed).Password
  if ($key -eq '') { return $Text }
  if ($key -notmatch '^[A-Za-z0-9_.-]+$') { throw "That is no API key: it has letters, digits, '-' and '_' only. Nothing was changed" }
  $at = $Text.IndexOf($keyPlace)
  return $Text.Remove($at, $keyPlace.Length).Insert($at, $key)
}

# Writes what 'cma-mcp config' prints into the host's file; $How is --merge or --remove.
function Write-HostFile([string] $How) {
  $ran = Invoke-Program $program @('config', $For, $How)
  # Without a file there is nothing to remove.
  if ($How -eq '--remove' -and $ran.Errors -match 'nothing has to be removed') { return }
  if ($ran.Code -ne 0) { throw "The configuration of $For stays as it is: $($ran.Errors)" }
  $found = [regex]::Match($ran.Errors, '(?m)^(?:This is what to write to|Nothing to change in) (.+?)\r?$')
  if (-not $found.Success) { throw "Cannot tell which file $For reads: run '$program config $For $How' and write it by hand" }
  $path = $found.Groups[1].Value
  $text = $ran.Output
  $isAsked = -not $Yes -and [Environment]::UserInteractive -and -not [Console]::IsInputRedirected
  if ($How -eq '--merge' -and $isAsked -and $text.Contains($keyPlace)) { $text = Add-Key $text }
  $old = ''
  if (Test-Path -LiteralPath $path) { $old = [System.IO.File]::ReadAllText($path, $utf8) }
  if ($old -ceq $text) {
    Write-Host "$path is already as it should be."
    return
  }
  Write-Host ''
  Write-Host "$path would change like this:"
  Compare-Object ($old -split '\r?\n') ($text -split '\r?\n') -CaseSensitive |
    ForEach-Object { Write-Host ('{0} {1}' -f $(if ($_.SideIndicator -eq '=>') { '+' } else { '-' }), (Hide-Secrets $_.InputObject)) }
  if (-not $Yes) {
    $answer = Read-Host 'Write it? [y/N]'
    if ($answer -notmatch '^(y|yes)$') {
      Write-Host 'It stays as it is.'
      return
    }
  }
  if (Test-Path -LiteralPath $path) {
    $backup = '{0}.backup-{1:yyyyMMddHHmmss}-{2}' -f $path, (Get-Date), [System.Guid]::NewGuid().ToString('N')
    Copy-Item -LiteralPath $path -Destination $backup
    Write-Host "The old file is kept as $backup."
  } else {
    New-Item -ItemType Directory -Force -Path (Split-Path -Parent $path) | Out-Null
  }
  # If the file is a link, the file behind it is replaced, and the link stays.
  $target = $path
  $item = Get-Item -LiteralPath $path -ErrorAction SilentlyContinue
  if ($item -and $item.LinkType -eq 'SymbolicLink') {
    $target = [System.IO.Path]::Combine((Split-Path -Parent $path), @($item.Target)[0])
  }
  $new = '{0}.{1}' -f $target, [System.Guid]::NewGuid().ToString('N')
  try {
    [System.IO.File]::WriteAllText($new, $text, $utf8)
    Move-IntoPlace $new $target
  } finally {
    Remove-Item -LiteralPath $new -ErrorAction SilentlyContinue
  }
  Write-Host 'Written.'
  if ($How -ne '--merge') { return }
  if ($text.Contains($keyPlace)) { Write-Host "Now put your key into it, in place of '$keyPlace'." }
  Write-Host "Start the host again to have it read that; '$program doctor --host $For' checks it."
}

# Says what hosts' files still have of the program; only the program can tell.
function Show-Leftovers {
  try {
    $ran = Invoke-Program $program @('config', 'all', '--remove')
  } catch {
    $ran = [pscustomobject]@{ Code = -1; Output = ''; Errors = "$_" }
  }
  if ($ran.Code -ne 0) {
    Write-Host "$program does not run, so hosts' files were not looked through: $($ran.Errors)"
  } elseif ($ran.Output -notmatch ' hold nothing of cma-mcp') {
    Write-Host 'Left as they are:'
    $ran.Output.TrimEnd() -split '\r?\n' | ForEach-Object { Write-Host "  $_" }
  }
}

if ($Uninstall) {
  if (-not (Test-Path -LiteralPath $program)) { throw "There is no ${program}: name the folder of the program with -Dir" }
  if ($For) { Write-HostFile '--remove' }
  Show-Leftovers
  Remove-Item -LiteralPath $program
  Write-Host "Removed $program."
  return
}

# In an emulated shell, PROCESSOR_ARCHITEW6432 has the machine's own architecture.
$machine = $env:PROCESSOR_ARCHITECTURE
if ($env:PROCESSOR_ARCHITEW6432) { $machine = $env:PROCESSOR_ARCHITEW6432 }
switch ($machine) {
  'AMD64' { $arch = 'x64' }
  'ARM64' { $arch = 'arm64' }
  default { throw "There is no executable for $machine" }
}

if ($Version -eq 'latest') {
  $from = "$releases/latest/download"
} else {
  $from = "$releases/download/v$($Version -replace '^v', '')"
}

$new = $null
$work = Join-Path ([System.IO.Path]::GetTempPath()) ([System.Guid]::NewGuid())
New-Item -ItemType Directory -Path $work | Out-Null
try {
  $sums = Join-Path $work 'SHA256SUMS'
  Save-File "$from/SHA256SUMS" $sums
  # Finds the file's name, which has the version in it.
  $line = Get-Content $sums |
    Where-Object { $_ -cmatch "^[0-9a-f]{64}  cma-mcp-[0-9A-Za-z.-]+-windows-$arch\.zip$" } |
    Select-Object -First 1
  if (-not $line) { throw "$from has nothing for Windows $arch" }
  $want, $file = $line -split '  '
  Write-Host "Downloading $file"
  $archive = Join-Path $work $file
  Save-File "$from/$file" $archive
  $have = (Get-FileHash -Algorithm SHA256 -LiteralPath $archive).Hash.ToLowerInvariant()
  if ($have -cne $want) {
    throw "$file is not what was released (SHA-256 $have, not $want): nothing was installed"
  }
  Expand-Archive -LiteralPath $archive -DestinationPath (Join-Path $work 'unpacked')
  New-Item -ItemType Directory -Force -Path $Dir | Out-Null
  # Copied beside it, run there once, and only then put in its place: a program that does not run
  # replaces nothing.
  $new = Join-Path $Dir ".cma-mcp.$([System.Guid]::NewGuid().ToString('N')).exe"
  Copy-Item -LiteralPath (Join-Path $work 'unpacked\cma-mcp.exe') -Destination $new
  try {
    $ran = Invoke-Program $new @('--version')
  } catch {
    $ran = [pscustomobject]@{ Code = -1; Output = ''; Errors = "$_" }
  }
  if ($ran.Code -ne 0) { throw "$file does not run here, nothing was installed: $($ran.Errors)" }
  try {
    Move-IntoPlace $new $program
  } catch [System.IO.IOException], [System.UnauthorizedAccessException] {
    throw "$program is in use: quit the hosts that run it, and try again"
  }
} finally {
  Remove-Item -Recurse -Force -LiteralPath $work
  if ($new) { Remove-Item -LiteralPath $new -ErrorAction SilentlyContinue }
}

Write-Host "Installed $program, version $($ran.Output.Trim()); its SHA-256 is that of the release."
if ($For) {
  Write-HostFile '--merge'
} else {
  Write-Host ''
  Write-Host 'Next:'
  Write-Host "  & '$program' demo                    see one whole turn, without a key"
  Write-Host "  & '$program' config claude-desktop   what to paste into Claude Desktop, and where"
  Write-Host "  & '$program' doctor                  check key, network, agents and hosts"
}
