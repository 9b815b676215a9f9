#!/usr/bin/env bash
# Puts a published gateway where a service of the system is looked for, or takes it away again.
#   install.sh install FROM    FROM: the directory that dotnet publish wrote
#   install.sh uninstall       leaves the configuration and the state, and says where they are
# DESTDIR, PREFIX (/usr/local) and SYSCONFDIR (/etc) come from the environment.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
destdir=${DESTDIR:-} prefix=${PREFIX:-/usr/local} sysconfdir=${SYSCONFDIR:-/etc}
app=$prefix/lib/iotpsk bin=$prefix/bin doc=$prefix/share/doc/iotpsk

case "$prefix$sysconfdir$destdir" in
  *[!A-Za-z0-9/._+-]*) echo "install.sh: PREFIX, SYSCONFDIR and DESTDIR may hold letters, digits and / . _ + - only" >&2; exit 2 ;;
esac
for path in "$prefix" "$sysconfdir"; do
  case $path in /*) ;; *) echo "install.sh: $path is no absolute path" >&2; exit 2 ;; esac
done

fill() { sed -e "s#@BINDIR@#$bin#g" -e "s#@SYSCONFDIR@#$sysconfdir#g" -e "s#@DOCDIR@#$doc#g" "$here/$1"; }

put() {                              # template, target
  install -d -m 0755 "$(dirname "$destdir$2")"
  fill "$1" >"$destdir$2.partial"
  chmod 0644 "$destdir$2.partial"
  mv "$destdir$2.partial" "$destdir$2"
}

unit=$prefix/lib/systemd/system/iotpsk.service
users=$prefix/lib/sysusers.d/iotpsk.conf
files=$prefix/lib/tmpfiles.d/iotpsk.conf

install_all() {
  [ -x "$1/iotpsk" ] || { echo "install.sh: there is no published gateway in $1; run make publish" >&2; exit 1; }
  # A running gateway keeps the files it has open: the new ones come under their own names, then all at once.
  rm -rf "$destdir$app.new" && install -d -m 0755 "$destdir$app.new" "$destdir$bin" "$destdir$doc"
  cp -R "$1/." "$destdir$app.new/"
  chmod -R u=rwX,go=rX "$destdir$app.new"
  rm -rf "$destdir$app.old"
  if [ -d "$destdir$app" ]; then mv "$destdir$app" "$destdir$app.old"; fi
  mv "$destdir$app.new" "$destdir$app"
  rm -rf "$destdir$app.old"
  ln -sfn "$app/iotpsk" "$destdir$bin/iotpsk"
  install -m 0644 "$here/../README.md" "$destdir$doc/README.md"
  install -d -m 0755 "$destdir$doc/mosquitto"
  install -m 0644 "$here/../mosquitto/"* "$destdir$doc/mosquitto"
  put iotpsk.service "$unit"
  put sysusers.conf "$users"
  put tmpfiles.conf "$files"
  put iotpsk.json "$doc/iotpsk.json"
  if [ -e "$destdir$sysconfdir/iotpsk/iotpsk.json" ]; then
    echo "$sysconfdir/iotpsk/iotpsk.json stays as it is; the sample is $doc/iotpsk.json"
  else
    put iotpsk.json "$sysconfdir/iotpsk/iotpsk.json"
  fi
  local config=
  [ "$sysconfdir" = /etc ] || config=" --config $sysconfdir/iotpsk/iotpsk.json"
  cat <<END
Installed. The next steps, as root:
  systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload
  install -m 0600 /dev/null $sysconfdir/iotpsk/tpm-auth && head -c 16 /dev/urandom | xxd -p >$sysconfdir/iotpsk/tpm-auth
  $bin/iotpsk fleet init --server-id NAME --tpm-auth $sysconfdir/iotpsk/tpm-auth$config && chown -R iotpsk: /var/lib/iotpsk
  systemctl enable --now iotpsk
END
}

uninstall_all() {
  if [ -z "$destdir" ] && [ -d /run/systemd/system ] && systemctl is-active --quiet iotpsk.service; then
    echo "install.sh: the service runs; systemctl disable --now iotpsk first" >&2
    exit 1
  fi
  rm -rf "$destdir$app"
  rm -f "$destdir$bin/iotpsk" "$destdir$unit" "$destdir$users" "$destdir$files" "$destdir$doc/README.md" "$destdir$doc/iotpsk.json"
  rm -rf "$destdir$doc/mosquitto"
  rmdir "$destdir$doc" 2>/dev/null || true
  echo "Uninstalled. Left where they are: $sysconfdir/iotpsk (configuration, authorisation value) and /var/lib/iotpsk (the registry of devices)"
}

case ${1:-} in
  install) install_all "${2:?FROM is missing}" ;;
  uninstall) uninstall_all ;;
  *) echo "usage: install.sh install FROM | uninstall" >&2; exit 2 ;;
esac
