# The table of what footprint.sh measured: from NAME.sizes and NAME.run of each profile.
function value(key,  i, pair) {
  for (i = 1; i <= NF; i++) if (split($i, pair, "=") == 2 && pair[1] == key) return pair[2] + 0
  return 0
}
function thousands(number) { return number >= 1000000 ? sprintf("%.2f M", number / 1000000) : number >= 100000 ? sprintf("%d k", number / 1000) : sprintf("%.1f k", number / 1000) }
function check(what, measured, most) {
  printf "  %-62s %8d, at most %6d  %s\n", what, measured, most, (measured > 0 && measured <= most) ? "kept" : "MISSED by " (measured - most)
}
FNR == 1 { profile = FILENAME; sub(/.*\//, "", profile); sub(/\.(sizes|run)$/, "", profile); if (!(profile in seen)) { order[++profiles] = profile; seen[profile] = 1 } }
FILENAME ~ /\.sizes$/ {
  flash[profile, $1] = value("flash"); ram[profile, $1] = value("ram")
  if ($1 ~ /^(sessions|vault|rekeying|sessionmode|selftest|texts)$/) { all[profile] += value("flash"); all_ram[profile] += value("ram") }
  if ($1 ~ /^(sessions|vault|rekeying|sessionmode)$/) core[profile] += value("flash")
}
/^selftest/ { selftest[profile] = value("instructions") }
/^mode=/ {
  name = $1; sub(/mode=/, "", name)
  modes[profile, ++count[profile]] = name
  split("opening heap_peak heap_idle blocks stack handshake sent received write read", keys, " ")
  for (k in keys) of[profile, name, keys[k]] = value(keys[k])
}
/^wake=core/ { split("load write read save all saved heap_peak datagrams_sent datagrams_received", keys, " "); for (k in keys) wake[profile, keys[k]] = value(keys[k]) }
/^wake=vault/ { wake[profile, "vault"] = value("all") }
END {
  print "rv32imc, gcc -Os -msave-restore, --gc-sections, picolibc; mbedTLS 3.6.7; instructions counted by qemu. Bytes unless said otherwise."
  print "In ESP-IDF: CONFIG_COMPILER_OPTIMIZATION_SIZE, CONFIG_COMPILER_SAVE_RESTORE_LIBCALLS (RISC-V alone); it links with --gc-sections always."
  print "An ESP-IDF firmware links more than this: lwIP, Wi-Fi, the CLR, and of mbedTLS what others in it use. Its chips have AES and SHA"
  print "units, which these figures do not use; allocators add 4 to 16 bytes a block.\n"
  printf "%-18s %8s %9s %8s %10s %13s %10s %6s %9s %12s %8s\n", "flash, static RAM", "mbedTLS", "sessions", "vault", "re-keying", "session mode", "self test", "texts", "psk_core", "RAM mbedTLS", "RAM own"
  for (i = 1; i <= profiles; i++) {
    p = order[i]
    printf "%-18s %8d %9d %8d %10d %13d %10d %6d %9d %12d %8d\n", p, flash[p, "mbedtls"], flash[p, "sessions"], flash[p, "vault"], flash[p, "rekeying"],
           flash[p, "sessionmode"], flash[p, "selftest"], flash[p, "texts"], all[p], ram[p, "mbedtls"], all_ram[p]
  }
  print "psk_core is all of it: sessions of TLS and DTLS with tickets and sleep; the vault with bundles and successors; re-keying; session mode; the self test; what"
  print "its errors are called. The self test takes " thousands(selftest[order[1]]) " instructions, once a start."
  printf "\n%-18s %-28s %9s %9s %9s %6s %6s %10s %8s %8s %6s %6s\n", "profile", "mode", "opening", "RAM peak", "RAM idle", "blocks", "stack", "handshake", "write", "read", "sent", "recv"
  for (i = 1; i <= profiles; i++) {
    p = order[i]
    for (m = 1; m <= count[p]; m++) {
      n = modes[p, m]
      printf "%-18s %-28s %9s %9d %9d %6d %6d %10s %8s %8s %6d %6d\n", p, n, (of[p, n, "opening"] > 0 ? of[p, n, "opening"] : "-"), of[p, n, "heap_peak"], of[p, n, "heap_idle"], of[p, n, "blocks"], of[p, n, "stack"],
             thousands(of[p, n, "handshake"]), thousands(of[p, n, "write"]), thousands(of[p, n, "read"]), of[p, n, "sent"], of[p, n, "received"]
    }
  }
  print "\nRAM is that of one session: its heap, contexts and queues; opening: the peak while the credential is read from the vault, before the first byte is sent.\n" \
    "write and read: one record with 32 bytes. sent, recv: of one handshake."
  print "The client with certificates shows none of its own; one of its own comes on top.\n"
  printf "%-18s %9s %9s %9s %9s %9s %12s %9s %10s\n", "wake-up, DTLS+CID", "load", "write", "read", "save", "all", "with a vault", "saved", "datagrams"
  for (i = 1; i <= profiles; i++) {
    p = order[i]
    if (!((p, "all") in wake)) continue
    printf "%-18s %9d %9d %9d %9d %9d %12d %9d %7d, %d\n", p, wake[p, "load"], wake[p, "write"], wake[p, "read"], wake[p, "save"], wake[p, "all"], wake[p, "vault"],
           wake[p, "saved"], wake[p, "datagrams_sent"], wake[p, "datagrams_received"]
  }
  a = "p256m-512"; b = "p256m-1024"
  print "\nWhat it may be, with p256-m (1 KB = 1024 bytes):"
  check("TLS 1.3 psk_dhe_ke, records of 512: RAM of a session", of[a, "tls13-psk_dhe_ke", "heap_peak"], 5120)
  check("TLS 1.3 psk_dhe_ke, records of 1024: RAM of a session", of[b, "tls13-psk_dhe_ke", "heap_peak"], 7168)
  check("DTLS 1.2, records of 512: RAM of an idle session", of[a, "dtls12-psk-cid", "heap_idle"], 3584)
  check("mbedTLS for TLS 1.3 and DTLS 1.2: flash", flash[b, "mbedtls"], 63488)
  check("psk_core with all but self test and texts: flash", core[b], 8192)
  check("wake-up: instructions of a write", wake[a, "write"], 30000)
  check("wake-up, records of 512: instructions of load to save", wake[a, "all"], 90000)
  check("wake-up, records of 1024: instructions of load to save", wake[b, "all"], 90000)
  check("wake-up: datagrams sent", wake[a, "datagrams_sent"], 1)
  check("wake-up: datagrams received", wake[a, "datagrams_received"], 1)
}
