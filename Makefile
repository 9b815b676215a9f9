# IotPsk: `make help` says what can be done here.
CONFIGURATION := Release
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1
SHELL := /bin/bash

.PHONY: help setup setup-test build native dotnet demo test test-long fuzz fuzz-device footprint soak trace bench-tls bench-dtls bench-restart clean publish install uninstall
.DEFAULT_GOAL := help

help:
	@echo 'IotPsk: pre-shared-key TLS for small devices, with keys from a TPM. Start with:'
	@echo
	@echo '  make demo    six virtual devices (MQTT, LwM2M, one asleep), a software TPM, a gateway and a broker: telemetry from end to end, shown'
	@echo '  make test    everything that can be checked on this machine; ends with "N passed, N failed"'
	@echo '               one part of it: make test ONLY="tls keys"'
	@echo
	@echo '  make fuzz    changed flights against the engine for 10 minutes, from fresh seeds (FUZZ_SECONDS=60 for less)'
	@echo '  make fuzz-device  changed flights, bundles and saved associations against the device core for 30 minutes (libFuzzer)'
	@echo '  make footprint    flash, RAM, stack and instructions of the device core on rv32, beside a client with certificates (qemu)'
	@echo '  make soak    2 000 devices of both kinds for 10 minutes, while broker, TPM and gateway are killed and datagrams get lost'
	@echo '  make trace   a session of TLS and one of DTLS, captured and decrypted by tshark with their key log (as root)'
	@echo '  make bench-tls   the gateway beside mosquitto, stunnel, openssl and gnutls: CPU, memory, latency (10 minutes)'
	@echo '  make bench-dtls  CoAP over DTLS beside libcoap with 10 to 100 000 associations: CPU, memory (5 minutes)'
	@echo '  make bench-restart  100 000 devices come back to a gateway whose TPM takes 20 ms a command (4 minutes)'
	@echo '  make install     the gateway, its systemd unit and a sample configuration (DESTDIR= PREFIX=/usr/local SYSCONFDIR=/etc); make uninstall'
	@echo '  make build   the gateway, the device programs and their native library'
	@echo '  make setup   installs the Debian packages that are missing (the targets above do it too)'
	@echo '  make clean   removes all that was built'

setup:
	@tests/setup.sh

setup-test:
	@tests/setup.sh test

build: native dotnet

native: setup
	@if [ -x hardware/host/build.sh ]; then hardware/host/build.sh; fi

dotnet: setup
	@echo 'Building IotPsk.sln ($(CONFIGURATION))'
	@dotnet build IotPsk.sln -c $(CONFIGURATION) --nologo -v quiet -consoleLoggerParameters:NoSummary

demo: build
	@tests/demo.sh

test: setup-test build
	@tests/run.sh $(ONLY)

FUZZ_SECONDS ?= 600

fuzz: build
	@tests/fuzz/bin/$(CONFIGURATION)/net10.0/iotpsk-fuzz $(FUZZ_SECONDS)

fuzz-device: setup-test
	@tests/core/fuzz/run.sh

footprint:
	@tests/setup.sh footprint
	@tests/footprint/footprint.sh

test-long: test fuzz fuzz-device
	@IOTPSK_LONG=1 IOTPSK_LIFE=1000 tests/run.sh net interop life

soak: setup-test build
	@tests/soak/run.sh

trace: build
	@tests/trace.sh

bench-tls: build
	@command -v stunnel >/dev/null || { echo 'bench-tls compares with stunnel; please install it: sudo apt-get install stunnel4' >&2; exit 1; }
	@tests/bench/bin/$(CONFIGURATION)/net10.0/iotpsk-bench micro
	@tests/bench/bin/$(CONFIGURATION)/net10.0/iotpsk-bench tls

bench-dtls: build
	@tests/bench/bin/$(CONFIGURATION)/net10.0/iotpsk-bench dtls

bench-restart: build
	@tests/bench/bin/$(CONFIGURATION)/net10.0/iotpsk-bench restart

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc

publish:
	@dotnet publish gateway/IotPsk.Gateway -c $(CONFIGURATION) --no-self-contained -o out/publish --nologo -v quiet

# Root builds nothing that is there: `make publish` as oneself, then `sudo make install`.
install:
	@if [ "$$(id -u)" -ne 0 ] || [ ! -x out/publish/iotpsk ]; then $(MAKE) --no-print-directory publish; fi
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' gateway/packaging/install.sh install out/publish

uninstall:
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' gateway/packaging/install.sh uninstall

clean:
	@find gateway device shared tests -depth \( -name bin -o -name obj -o -name TestResults \) -type d -exec rm -rf {} +
	@rm -rf hardware/host/build out
	@echo 'Removed what was built.'
