using System.Diagnostics;
using System.Globalization;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>Whole servers on one machine, in one run, by one generator. The figure is CPU time of the server's process.</summary>
internal static class TlsRun
{
    private const int Threads = 2, Wave = 8, Identities = 1000, RequestConnections = 50, Repetitions = 5;

    internal static int Run(bool quick, string only, TextWriter output)
    {
        string directory = Directory.CreateTempSubdirectory("iotpsk-bench-").FullName;
        try
        {
            var run = new Measurement(directory, quick, only, output);
            run.All();
            return 0;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private sealed class Measurement(string directory, bool quick, string only, TextWriter output)
    {
        private readonly int _handshakes = quick ? 400 : 2400;
        private readonly int _warmUp = quick ? 1500 : 8000;
        private bool _isGatewayWarm;

        internal void All()
        {
            using var backend = new Backend();
            int tpmPort = ServerProcess.FreePort(), brokerPort = ServerProcess.FreePort();
            using ServerProcess tpm = Peers.SoftwareTpm(directory, tpmPort), broker = Peers.PlainMosquitto(directory, brokerPort);
            (int Mqtt, int Tunnel, int PskKe) ports = (ServerProcess.FreePort(), ServerProcess.FreePort(), ServerProcess.FreePort());
            (ServerProcess gateway, Identity[] own, Identity[] own12) = Peers.Gateway(directory, tpmPort, ports, brokerPort, backend.Port, Identities);
            Identity[] identities = Peers.Make(Identities);
            int mosquittoPort = ServerProcess.FreePort(), stunnelPort = ServerProcess.FreePort(), opensslPort = ServerProcess.FreePort(), gnutlsPort = ServerProcess.FreePort();
            using (gateway)
            using (ServerProcess mosquitto = Peers.Mosquitto(directory, mosquittoPort, identities))
            using (ServerProcess stunnel = Peers.Stunnel(directory, stunnelPort, backend.Port, identities))
            using (ServerProcess openssl = Peers.OpenSsl(opensslPort, identities[0]))
            using (ServerProcess gnutls = Peers.Gnutls(directory, gnutlsPort, identities[..10]))
            {
                output.WriteLine($"{Environment.ProcessorCount} cores, {Identities} identities, {Threads} threads of {Wave} connections side by side, CPU time of the server's process, median of {Repetitions}; upstream connections apart unless named\n");
                // First, while neither process holds memory it does not need any more.
                Idle("iotpsk tunnel, idle session with its upstream", gateway, ports.Tunnel, own, quick ? 1000 : 9000);
                Idle("mosquitto, idle TLS connection", mosquitto, mosquittoPort, identities, quick ? 1000 : 9000);
                Handshakes("iotpsk P-256", gateway, ports.Mqtt, own, NamedGroup.Secp256r1);
                Handshakes("mosquitto P-256", mosquitto, mosquittoPort, identities, NamedGroup.Secp256r1);
                Handshakes("openssl s_server P-256, 1 identity, 1 at a time", openssl, opensslPort, identities[..1], NamedGroup.Secp256r1, threads: 1);
                Handshakes("iotpsk x25519", gateway, ports.Mqtt, own, NamedGroup.X25519);
                Handshakes("mosquitto x25519", mosquitto, mosquittoPort, identities, NamedGroup.X25519);
                Handshakes("iotpsk psk_ke", gateway, ports.PskKe, own, NamedGroup.None);
                Handshakes("openssl s_server psk_ke, 1 identity, 1 at a time", openssl, opensslPort, identities[..1], NamedGroup.None, threads: 1);
                Handshakes("iotpsk TLS 1.2 PSK", gateway, ports.Mqtt, own12, null);
                Handshakes("mosquitto TLS 1.2 PSK", mosquitto, mosquittoPort, identities, null);
                Handshakes("gnutls-serv TLS 1.2 PSK, 10 identities, 1 at a time", gnutls, gnutlsPort, identities[..10], null, threads: 1);
                Handshakes("iotpsk tunnel P-256, with upstream connection", gateway, ports.Tunnel, own, NamedGroup.Secp256r1);
                Handshakes("stunnel P-256, with upstream connection", stunnel, stunnelPort, identities, NamedGroup.Secp256r1);
                Requests("iotpsk tunnel, 64-byte request", gateway, ports.Tunnel, own);
                Requests("stunnel, 64-byte request", stunnel, stunnelPort, identities);
                Bulk("iotpsk tunnel, 16 KiB records", gateway, ports.Tunnel, own[0], 16385);
                Bulk("stunnel, 16 KiB records", stunnel, stunnelPort, identities[0], 16385);
                Bulk("iotpsk tunnel, 1 KiB records", gateway, ports.Tunnel, own[0], 1025);
                Latency("iotpsk, handshake + CONNECT/CONNACK", ports.Mqtt, own[0]);
                Latency("mosquitto, handshake + CONNECT/CONNACK", mosquittoPort, identities[0]);
            }
        }

        private bool IsLeftOut(string name) => !name.Contains(only, StringComparison.OrdinalIgnoreCase);

        // Group None is psk_ke, and no group TLS 1.2.
        private void Handshakes(string name, ServerProcess server, int port, Identity[] identities, NamedGroup? group, int threads = Threads)
        {
            if (IsLeftOut(name))
                return;
            PskTlsClientOptions[] options = [.. identities.Select(i => Options(i, group))];
            // s_server takes one connection at a time and is slow for it; its figure does not need as many.
            (int serial, int wave) = threads == 1 ? (5, 1) : (1, Wave);
            // The runtime of the gateway compiles what is used much anew in the background, and that is over only after a while.
            Open(_warmUp * (name.StartsWith("iotpsk", StringComparison.Ordinal) && !_isGatewayWarm ? 5 : 1) / serial);
            _isGatewayWarm |= name.StartsWith("iotpsk", StringComparison.Ordinal);
            Print(name, Median(() =>
            {
                double before = server.CpuMicroseconds;
                Open(_handshakes / serial);
                return (server.CpuMicroseconds - before) / (_handshakes / serial);
            }), "us per handshake");

            void Open(int count) => Spread(threads, count / wave, i =>
            {
                foreach (TlsConnection connection in TlsConnection.Open(port, Enumerable.Range(i * wave, wave).Select(n => options[n % options.Length])))
                    connection.Dispose();
            });
        }

        private void Requests(string name, ServerProcess server, int port, Identity[] identities)
        {
            if (IsLeftOut(name))
                return;
            int rounds = quick ? 50 : 300;
            TlsConnection[] connections = [.. Enumerable.Range(0, RequestConnections).Select(i => TlsConnection.Open(port, Options(identities[i], NamedGroup.Secp256r1)))];
            byte[] request = new byte[64];
            void Round(TlsConnection[] mine)
            {
                foreach (TlsConnection connection in mine)
                    connection.Send(request);
                foreach (TlsConnection connection in mine)
                    connection.Receive(request.Length);
            }
            TlsConnection[][] shares = [.. connections.Chunk(RequestConnections / Threads)];
            Spread(Threads, Threads, t => Repeat(rounds, () => Round(shares[t])));
            Print(name, Median(() =>
            {
                double before = server.CpuMicroseconds;
                Spread(Threads, Threads, t => Repeat(rounds, () => Round(shares[t])));
                return (server.CpuMicroseconds - before) / (rounds * RequestConnections);
            }), "us per request and answer");
            foreach (TlsConnection connection in connections)
                connection.Dispose();
        }

        private void Bulk(string name, ServerProcess server, int port, Identity identity, int recordSize)
        {
            if (IsLeftOut(name))
                return;
            long bytes = quick ? 50_000_000 : recordSize < 2000 ? 200_000_000 : 1_000_000_000;
            using TlsConnection connection = TlsConnection.Open(port, Options(identity, NamedGroup.Secp256r1, recordSize));
            connection.Send(Backend.Ask(bytes));
            connection.Receive(bytes);
            Print(name, Median(() =>
            {
                double before = server.CpuMicroseconds;
                connection.Send(Backend.Ask(bytes));
                connection.Receive(bytes);
                return (server.CpuMicroseconds - before) / 1e6 / (bytes / 1e9);
            }), "CPU-s per GB");
        }

        private void Latency(string name, int port, Identity identity)
        {
            if (IsLeftOut(name))
                return;
            int count = quick ? 50 : 500;
            double[] times = new double[count];
            byte[] connect = [0x10, 12, 0, 4, .. "MQTT"u8, 4, 2, 0, 60, 0, 0];
            PskTlsClientOptions options = Options(identity, NamedGroup.Secp256r1);
            for (int i = -count / 5; i < count; i++)
            {
                long start = Stopwatch.GetTimestamp();
                using TlsConnection connection = TlsConnection.Open(port, options);
                connection.Send(connect);
                connection.Receive(4);
                if (i >= 0)
                    times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
            Array.Sort(times);
            Print(name, times[count / 2], string.Create(CultureInfo.InvariantCulture, $"ms p50 (p99 {times[count * 99 / 100]:0.00})"));
        }

        private void Idle(string name, ServerProcess server, int port, Identity[] identities, int count)
        {
            if (IsLeftOut(name))
                return;
            var connections = new TlsConnection[count];
            Spread(Threads, identities.Length, i => TlsConnection.Open(port, Options(identities[i], NamedGroup.Secp256r1)).Dispose());
            long before = server.ResidentBytes;
            Spread(Threads, count, i => connections[i] = TlsConnection.Open(port, Options(identities[i % identities.Length], NamedGroup.Secp256r1)));
            Thread.Sleep(500);
            Print(name, (server.ResidentBytes - before) / 1000.0 / count, string.Create(CultureInfo.InvariantCulture, $"kB resident per session at {count}"));
            foreach (TlsConnection connection in connections)
                connection.Dispose();
        }

        private static PskTlsClientOptions Options(Identity identity, NamedGroup? group, int recordSize = 16385) => new()
        {
            Versions = [group is null ? TlsProtocol.Tls12 : TlsProtocol.Tls13],
            Tls12CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256],
            Credentials = [new PskTlsCredential(System.Text.Encoding.ASCII.GetBytes(identity.Name), identity.Key, PskBinder.External, TlsHash.Sha256)],
            CipherSuites = [CipherSuite.TLS_AES_128_GCM_SHA256],
            Groups = [group is null or NamedGroup.None ? NamedGroup.Secp256r1 : group.Value],
            KeyExchangeModes = [group == NamedGroup.None ? PskKeyExchangeMode.PskKe : PskKeyExchangeMode.PskDheKe],
            RecordSizeLimit = recordSize,
        };

        private static void Spread(int threads, int count, Action<int> work)
        {
            int next = -1;
            Thread[] all = [.. Enumerable.Range(0, threads).Select(_ => new Thread(() =>
            {
                for (int i; (i = Interlocked.Increment(ref next)) < count;)
                    work(i);
            }))];
            foreach (Thread thread in all)
                thread.Start();
            foreach (Thread thread in all)
                thread.Join();
        }

        private static double Median(Func<double> measure)
        {
            double[] values = [.. Enumerable.Range(0, Repetitions).Select(_ => measure()).Order()];
            return values[Repetitions / 2];
        }

        private static void Repeat(int count, Action work)
        {
            for (int i = 0; i < count; i++)
                work();
        }

        private void Print(string name, double value, string unit)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-52} {value,10:0.00} {unit}"));
            output.Flush();
        }
    }
}
