using System.Globalization;
using IotPsk.Tls;

namespace IotPsk.Bench;

/// <summary>
/// CoAP over DTLS 1.2: the gateway beside libcoap's servers, in one run, by one generator. The figure is CPU time of the server's
/// process, the median of five; each row at more associations held, for what grows with them is what decides.
/// </summary>
internal sealed class DtlsRun(string directory, bool quick, TextWriter output)
{
    private const int Repetitions = 5, Batch = 500;

    // A handshake there costs the more the more associations are held: at 100 000 it would take a quarter of an hour to open them.
    private const int MostOfLibcoap = 10_000;

    private readonly Dictionary<(int Held, string Figure), double> _own = [];

    private bool _complete = true;

    private int[] Held => quick ? [10, 1000] : [10, 1000, 10_000, 100_000];

    internal static int Run(bool quick, TextWriter output)
    {
        string directory = Directory.CreateTempSubdirectory("iotpsk-bench-").FullName;
        try
        {
            var run = new DtlsRun(directory, quick, output);
            run.All();
            return run._complete ? 0 : 1;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private int Handshakes => quick ? 300 : 2000;

    private void All()
    {
        output.WriteLine($"{Environment.ProcessorCount} cores, CPU time of the server's process, median of {Repetitions}; a request is a confirmable PUT of 64 bytes, echoed\n");
        output.WriteLine($"{"",-26}{"held",8}{"CCM_8",16}{"GCM",16}{"request",16}{"memory",16}");
        output.WriteLine($"{"",-26}{"",8}{"us each",16}{"us each",16}{"us each",16}{"kB each",16}");
        DatagramPeers.WithGateway(directory, Held[^1] + Handshakes, (server, port, identities) => Measure("iotpsk", server, port, "/echo", identities, Held));
        // A server of its own for each row: they keep what is closed for minutes, and everything costs by what is kept.
        foreach ((string library, int held) in from library in (string[])["openssl", "gnutls"] from held in Held where held <= MostOfLibcoap select (library, held))
        {
            using ServerProcess server = DatagramPeers.Libcoap(library, out int port, out Identity identity);
            Measure("libcoap-" + library, server, port, "/example_data", [identity], [held]);
        }
        output.WriteLine("\nin brackets: how many times iotpsk's figure at as many associations");
    }

    private void Measure(string name, ServerProcess server, int port, string path, IReadOnlyList<Identity> identities, int[] held)
    {
        bool isOwn = name == "iotpsk";
        using var load = new DtlsLoad(port, path, CipherSuite.TLS_PSK_WITH_AES_128_CCM_8, identities, held[^1] + Handshakes);
        using var gcm = new DtlsLoad(port, path, CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, identities, held[^1] + Handshakes);
        WarmUp(load, gcm, isOwn);
        long empty = server.CollectedBytes(isOwn);
        int open = 0;
        try
        {
            foreach (int count in held)
            {
                Row(name, server, load, gcm, count, open, empty);
                open = count;
            }
            load.Close(0, open);
        }
        catch (Exception failure) when (failure is TimeoutException or InvalidOperationException)
        {
            _complete = false;
            output.WriteLine($"{name}: {failure.Message}");
        }
        if (load.Hung + gcm.Hung > 0)
            output.WriteLine($"{name}: {load.Hung + gcm.Hung} handshakes hung and were begun anew");
    }

    private void Row(string name, ServerProcess server, DtlsLoad load, DtlsLoad gcm, int count, int open, long empty)
    {
        bool isOwn = name == "iotpsk";
        // Each speaks soon after its handshake, as devices do: until then a server keeps its last flight.
        for (int from = open; from < count; from += Batch)
        {
            load.Open(from, Math.Min(Batch, count - from));
            load.Exchange(from, Math.Min(Batch, count - from), Math.Min(Batch, count - from));
        }
        int requests = quick ? 5000 : isOwn || count <= 10 ? 30_000 : count <= 1000 ? 5000 : 1000;
        load.Exchange(0, count, requests / 3);
        double request = Median(() => Cpu(server, () => load.Exchange(0, count, requests), requests));
        double memory = (server.CollectedBytes(isOwn) - empty) / 1000.0 / count;
        int many = isOwn ? Handshakes : 100;
        double ccm8 = Median(() => Opened(server, load, count, many)), other = Median(() => Opened(server, gcm, count, many));
        Print(name, count, ccm8, other, request, memory);
    }

    // The runtime compiles what is used often, and a device's key is asked of the TPM once: neither belongs to the figures.
    private void WarmUp(DtlsLoad load, DtlsLoad gcm, bool isOwn)
    {
        foreach ((DtlsLoad each, int last) in ((DtlsLoad, int)[])[(load, isOwn ? Math.Max(Held[^1] + Handshakes, 5000) : 50), (gcm, isOwn ? 5000 : 50)])
        {
            for (int done = 0; done < last; done += Batch)
            {
                int from = done % (Held[^1] + Handshakes - Batch + 1), count = Math.Min(Math.Min(Batch, last), Held[^1] + Handshakes - from);
                each.Open(from, count);
                each.Close(from, count);
            }
        }
        load.Open(0, 10);
        load.Exchange(0, 10, isOwn ? 30_000 : 3000);
        load.Close(0, 10);
        Thread.Sleep(500);
    }

    private static double Opened(ServerProcess server, DtlsLoad load, int first, int count)
    {
        double cpu = Cpu(server, () => load.Open(first, count), count);
        load.Close(first, count);
        Thread.Sleep(300);
        return cpu;
    }

    private static double Cpu(ServerProcess server, Action work, int count)
    {
        double before = server.CpuMicroseconds;
        work();
        return (server.CpuMicroseconds - before) / count;
    }

    private static double Median(Func<double> measure)
    {
        double[] values = [.. Enumerable.Range(0, Repetitions).Select(_ => measure())];
        Array.Sort(values);
        return values[Repetitions / 2];
    }

    private void Print(string name, int held, double ccm8, double gcm, double request, double memory)
    {
        output.Write(string.Create(CultureInfo.InvariantCulture, $"{name,-26}{held,8}"));
        foreach ((string figure, double value) in ((string, double)[])[("ccm8", ccm8), ("gcm", gcm), ("request", request), ("memory", memory)])
        {
            // A few associations do not tell how much one takes.
            if (figure == "memory" && held < (quick ? 1000 : 10_000))
                continue;
            string text = value.ToString("0.00", CultureInfo.InvariantCulture);
            if (name == "iotpsk")
                _own[(held, figure)] = value;
            else if (_own.TryGetValue((held, figure), out double own) && own > 0)
                text = string.Create(CultureInfo.InvariantCulture, $"[{value / own:0.0}] ") + text;
            output.Write($"{text,16}");
        }
        output.WriteLine();
        output.Flush();
    }
}
