# Debian's i386 packages for the scripts that make guests; sourced by them, after `cache` and `out` are set.
#
# They come through apt, which checks Debian's signatures, but into a state directory of our own: neither the host's list
# of architectures nor its package lists change, and root is not needed.

die() { echo "$0: $*" >&2; exit 1; }
for tool in apt-get dpkg-deb gzip; do
    command -v "$tool" >/dev/null || die "needs $tool; run it on Debian or Ubuntu"
done

# The mirror that the host itself uses for bookworm, if it names one; else Debian's own.
mirror() {
    local found
    found=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(ORIGIN)' 2>/dev/null |
            awk '$2 == "bookworm" && tolower($3) == "debian" { print $1; exit }')
    echo "${RINGFOLD_MIRROR:-${found:-http://deb.debian.org/debian}}"
}

apt_private() {
    local command=$1
    shift
    "$command" -q \
        -o APT::Architecture=i386 -o APT::Architectures::=i386 -o APT::Architectures=i386 \
        -o Dir::State="$cache/apt/state" -o Dir::State::status="$cache/apt/state/status" \
        -o Dir::Cache="$cache/apt/cache" \
        -o Dir::Etc::sourcelist="$cache/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User= -o Acquire::Languages=none \
        -o Acquire::Retries=3 "$@"
}

# The package lists, which download and real_kernel need.
update_lists() {
    mkdir -p "$cache"/apt/state/lists/partial "$cache"/apt/cache/archives/partial
    : >"$cache/apt/state/status"
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -f "$keyring" ] || die "needs $keyring: install the package debian-archive-keyring"
    echo "deb [arch=i386 signed-by=$keyring] $(mirror) bookworm main" >"$cache/apt/sources.list"
    echo "Fetching Debian's i386 package lists and packages from $(mirror) ..."
    apt_private apt-get update >"$cache/apt/log" 2>&1 ||
        { cat "$cache/apt/log" >&2; die "apt-get update failed for $(mirror)"; }
}

# Downloads the named packages into $cache/packages.
download() {
    mkdir -p "$cache/packages"
    (cd "$cache/packages" && apt_private apt-get download "$@" >"$cache/apt/log" 2>&1) ||
        { cat "$cache/apt/log" >&2; die "cannot download $*; is the mirror $(mirror) reachable?"; }
}

# Takes one file out of a package: extract PACKAGE-GLOB MEMBER-GLOB DESTINATION
extract() {
    local deb
    deb=$(ls -t "$cache"/packages/$1 2>/dev/null | head -n 1)
    [ -n "$deb" ] || die "no package matches $1 in $cache/packages"
    dpkg-deb --fsys-tarfile "$deb" | tar -x -O --wildcards "$2" >"$3.part"
    [ -s "$3.part" ] || die "$deb holds no $2"
    mv "$3.part" "$3"
    basename "$deb" >>"$out/versions.txt"
}
