using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using IotPsk.Interop.Tests.Support;

namespace IotPsk.Interop.Tests;

/// <summary>Any TCP protocol through <c>iotpsk tunnel</c>, stunnel and the gateway's tunnel listeners, in every pairing.</summary>
public sealed class TunnelTests(TunnelTests.Setting setting) : IClassFixture<TunnelTests.Setting>
{
    /// <summary>A fleet with more listeners: <c>raw</c> leads to the test, which sees the PROXY header, as <c>raw6</c> does; <c>web</c> to haproxy.</summary>
    public sealed class Setting : IDisposable
    {
        private readonly ChildProcess _haproxy;

        public Setting()
        {
            Server.Start();
            int web = FreePorts.Take(), upstream = ((IPEndPoint)Server.LocalEndpoint).Port;
            string configuration = Fleet.Lab.Directory.File("haproxy.cfg");
            File.WriteAllText(configuration, $"""
                defaults
                    mode http
                    timeout client 30s
                    timeout server 30s
                    timeout connect 5s
                frontend web
                    bind 127.0.0.1:{Text(web)} accept-proxy
                    http-request return status 200 content-type text/plain lf-string "from %[src] %[src_port] to %[dst] %[dst_port]"

                """);
            _haproxy = ChildProcess.Start("haproxy", ["-db", "-f", configuration]);
            Poll.Until(() => RawConnection.Answers(web), "haproxy listens", _haproxy.Tail);
            JsonArray listeners = Fleet.Gateway.Configuration["Listeners"]!.AsArray();
            Add("raw", $"tcp://127.0.0.1:{Text(Raw)}", upstream);
            Add("raw6", $"tcp://[::1]:{Text(Raw6)}", upstream);
            Add("web", $"tcp://127.0.0.1:{Text(Web)}", web);
            Fleet.Gateway.WriteConfiguration();
            int mark = Fleet.Gateway.Mark();
            Fleet.Gateway.Process.Signal("HUP");
            Fleet.Gateway.WaitForLog(mark, "Reloaded", "raw6 on");

            void Add(string name, string listen, int to) => listeners.Add((JsonNode)new JsonObject
            {
                ["Name"] = name,
                ["Protocol"] = "tunnel",
                ["Listen"] = listen,
                ["Upstream"] = $"tcp://127.0.0.1:{Text(to)}",
                ["ProxyProtocol"] = true,
                ["IdleSeconds"] = 300,
                ["MaxConnections"] = 500,
            });
        }

        internal Fleet Fleet { get; } = new();

        internal TcpListener Server { get; } = new(IPAddress.Loopback, 0);

        internal int Raw { get; } = FreePorts.Take();

        internal int Raw6 { get; } = FreePorts.Take();

        internal int Web { get; } = FreePorts.Take();

        public void Dispose()
        {
            Fleet.Dispose();
            _haproxy.Dispose();
            Server.Dispose();
        }
    }

    private Fleet Fleet => setting.Fleet;

    [Fact]
    public void Curl_gets_through_often_and_at_once_and_later_connections_are_resumed()
    {
        using TunnelProcess tunnel = Open(Fleet.Gateway.TunnelPort);
        Assert.Contains("\"ready\":true", tunnel.Curl().Output, StringComparison.Ordinal);
        Parallel.For(0, 30, new ParallelOptions { MaxDegreeOfParallelism = 10 }, _ =>
        {
            CommandResult result = tunnel.Curl("/metrics");
            Assert.True(result.ExitCode == 0 && result.Output.Contains("iotpsk_sessions ", StringComparison.Ordinal), result.ToString());
        });
        tunnel.Process.WaitForLine(line => line.Contains(" by ticket", StringComparison.Ordinal), "a connection was resumed");
        Assert.DoesNotContain(tunnel.Process.Lines, line => line.Contains("warn", StringComparison.Ordinal));
    }

    [Fact]
    public void The_upstream_is_told_who_came_from_where_and_how()
    {
        using TunnelProcess tunnel = Open(setting.Raw);
        using var program = new RawConnection(tunnel.Port);
        using Socket upstream = Accept();
        ProxyHeaderParser header = ProxyHeaderParser.Receive(upstream);
        JsonNode session = Poll.For(() => Fleet.SessionOf("tunnel-1"), "the session is listed");
        Assert.Equal(session["remote"]!.GetValue<string>(), header.Source.ToString());
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, setting.Raw), header.Destination);
        Assert.Equal("tunnel-1", Encoding.ASCII.GetString(header.Fields[0xE0]));
        Assert.Equal(("TLSv1.3", session["cipherSuite"]!.GetValue<string>()), (header.Tls[0x21], header.Tls[0x23]));
        program.Send([1, 2, 3]);
        Assert.Equal([1, 2, 3], ProxyHeaderParser.Receive(upstream, 3));

        using ChildProcess six = ChildProcess.Start(Repository.Gateway, ["client", "tls", $"[::1]:{Text(setting.Raw6)}", "--bundle", Fleet.BundleFile("tunnel-1")]);
        using Socket upstream6 = Accept();
        ProxyHeaderParser header6 = ProxyHeaderParser.Receive(upstream6);
        Assert.Equal(new IPEndPoint(IPAddress.IPv6Loopback, setting.Raw6), header6.Destination);
        Assert.Equal(IPAddress.IPv6Loopback, header6.Source.Address);
    }

    [Fact]
    public void Haproxy_takes_the_header_and_sees_the_client_behind_the_gateway()
    {
        using TunnelProcess tunnel = Open(setting.Web);
        string[] words = tunnel.Curl("/").Output.Split(' ');
        Assert.Equal(["from", "127.0.0.1", "to", "127.0.0.1", Text(setting.Web)], (string[])[words[0], words[1], words[3], words[4], words[5]]);
        Assert.NotEqual(tunnel.Port, int.Parse(words[2], CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task Each_direction_ends_by_itself_and_nothing_is_lost_when_nobody_reads_for_a_while()
    {
        const int Size = 24 << 20;
        using TunnelProcess tunnel = Open(setting.Raw);
        using var program = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = (int)Poll.Patience.TotalMilliseconds };
        program.Connect(IPAddress.Loopback, tunnel.Port);
        using Socket upstream = Accept();
        ProxyHeaderParser.Receive(upstream);
        program.Send("ask"u8);
        program.Shutdown(SocketShutdown.Send);
        Assert.Equal("ask"u8, ProxyHeaderParser.Receive(upstream, 3));
        Assert.Equal(0, upstream.Receive(new byte[1]));

        // What the kernel does not take stays with the upstream.
        byte[] answer = RandomNumberGenerator.GetBytes(Size);
        upstream.Blocking = false;
        int sent = 0;
        Poll.Until(() =>
        {
            int before = sent;
            for (int count = 1; sent < Size && count > 0; sent += count)
            {
                count = upstream.Send(answer.AsSpan(sent), SocketFlags.None, out SocketError error);
                if (error != SocketError.Success)
                    break;
            }
            Thread.Sleep(300);
            return sent == before && sent > 0;
        }, "the upstream is held back");
        Assert.InRange(sent, 1, Size - 1);
        upstream.Blocking = true;
        Task sending = Task.Run(() =>
        {
            upstream.Send(answer.AsSpan(sent));
            upstream.Shutdown(SocketShutdown.Send);
        });
        byte[] got = ProxyHeaderParser.Receive(program, Size);
        Assert.Equal(SHA256.HashData(answer), SHA256.HashData(got));
        Assert.Equal(0, program.Receive(new byte[1]));
        await sending.WaitAsync(Poll.Patience);
    }

    [Fact]
    public void A_wrong_key_and_a_server_that_is_none_are_told_in_words_and_the_program_sees_a_reset()
    {
        using (TunnelProcess tunnel = new(Fleet.Gateway.TunnelPort, "--identity", "tunnel-1~1", "--key", new string('a', 64)))
        {
            using var program = new RawConnection(tunnel.Port);
            Assert.Empty(program.ReceiveToEnd());
            tunnel.Process.WaitForLine(line => line.Contains("No connection for", StringComparison.Ordinal) && line.Contains("check identity and key", StringComparison.Ordinal), "the tunnel says why");
        }
        using (TunnelProcess tunnel = Open(FreePorts.Take()))
        {
            Assert.NotEqual(0, tunnel.Curl().ExitCode);
            tunnel.Process.WaitForLine(line => line.Contains("there is no connection (Connection refused)", StringComparison.Ordinal), "the tunnel says why");
            Assert.Equal(0, tunnel.Process.Stop());
        }
        CommandResult taken = ChildProcess.Run(Repository.Gateway, ["tunnel", "--listen", $"tcp://127.0.0.1:{Fleet.Gateway.Port}", "--connect", "127.0.0.1:1", "--bundle", Fleet.BundleFile("tunnel-1")]);
        Assert.Equal(1, taken.ExitCode);
        Assert.Contains("Address already in use", taken.Error, StringComparison.Ordinal);
        Assert.Equal(2, ChildProcess.Run(Repository.Gateway, ["tunnel", "--listen", "127.0.0.1:1", "--connect", "127.0.0.1:1", "--bundle", "x"]).ExitCode);
    }

    [Fact]
    public void SIGTERM_lets_a_connection_finish_and_takes_no_more()
    {
        using TunnelProcess tunnel = Open(setting.Raw);
        using var program = new RawConnection(tunnel.Port);
        using Socket upstream = Accept();
        ProxyHeaderParser.Receive(upstream);
        tunnel.Process.Signal("TERM");
        tunnel.Process.WaitForLine(line => line.Contains("Stopping: 1 connections", StringComparison.Ordinal), "the tunnel stops");
        Poll.Until(() => !RawConnection.Answers(tunnel.Port), "nobody is let in any more");
        upstream.Send("the rest"u8);
        upstream.Shutdown(SocketShutdown.Send);
        program.ShutdownSend();
        Assert.Equal("the rest"u8, program.ReceiveToEnd());
        Assert.Equal(0, tunnel.Process.WaitForExit());
    }

    [Fact]
    public void A_connection_where_nothing_passes_ends_for_both_sides()
    {
        Fleet.Enroll("tunnel-2");
        using TunnelProcess tunnel = new(setting.Raw, "--bundle", Fleet.BundleFile("tunnel-2"), "--idle", "1");
        using var program = new RawConnection(tunnel.Port);
        using Socket upstream = Accept();
        ProxyHeaderParser.Receive(upstream);
        Assert.Empty(program.ReceiveToEnd());
        // A close_notify, so no reset.
        Assert.Equal(0, upstream.Receive(new byte[1]));
        tunnel.Process.WaitForLine(line => line.Contains("closed: Idle", StringComparison.Ordinal), "the tunnel says why");
    }

    [Fact]
    public void Stunnel_with_a_key_of_the_fleet_is_a_client_of_the_tunnel_listener()
    {
        (string identity, string key) = Fleet.NewDevice("stunnel-1", "tls13");
        int port = FreePorts.Take();
        using var directory = new TempDirectory();
        using ChildProcess stunnel = PskServer.StartStunnel(directory.Path, PskServer.KeyFile(directory.Path, identity, key),
            $"client = yes\naccept = 127.0.0.1:{Text(port)}\nconnect = 127.0.0.1:{Text(setting.Web)}\nsslVersion = TLSv1.3\n");
        CommandResult result = ChildProcess.Run("curl", ["-sS", "--max-time", "25", $"http://127.0.0.1:{Text(port)}/"]);
        Assert.StartsWith("from 127.0.0.1 ", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_tunnel_with_a_plain_key_is_a_client_of_stunnel()
    {
        using PskServer server = PskServer.Start("stunnel");
        using TunnelProcess tunnel = new(server.Port, "--identity", PskServer.Identity, "--key", PskServer.Key);
        for (int i = 0; i < 2; i++)
        {
            using var program = new RawConnection(tunnel.Port);
            program.Send(server.Request);
            program.Send(MqttBytes.Disconnect);
            Assert.StartsWith(server.Reply, Encoding.Latin1.GetString(program.ReceiveToEnd()), StringComparison.Ordinal);
        }
    }

    private TunnelProcess Open(int server)
    {
        lock (Fleet)
        {
            Fleet.Enroll("tunnel-1");
            return new TunnelProcess(server, "--bundle", Fleet.BundleFile("tunnel-1"));
        }
    }

    private Socket Accept()
    {
        Poll.Until(setting.Server.Pending, "the gateway connects to the upstream");
        Socket socket = setting.Server.AcceptSocket();
        socket.ReceiveTimeout = socket.SendTimeout = (int)Poll.Patience.TotalMilliseconds;
        return socket;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
