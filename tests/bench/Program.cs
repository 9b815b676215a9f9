using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using IotPsk.Bench;

// micro: the engine alone, by BenchmarkDotNet.   tls, dtls: the whole servers side by side, CPU time of the server's process.
// restart: a whole fleet comes back to a gateway whose TPM is slow.
switch (args.Length > 0 ? args[0] : "")
{
    case "micro":
        BenchmarkSwitcher.FromTypes([typeof(HandshakeBenchmarks), typeof(RecordBenchmarks)])
            .Run(args.Length > 1 ? args[1..] : ["--filter", "*"], DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)));
        return 0;
    case "tls":
        return TlsRun.Run(args.Contains("--quick"), args is [.., "--only", string only] ? only : "", Console.Out);
    case "dtls":
        return DtlsRun.Run(args.Contains("--quick"), Console.Out);
    case "restart":
        return RestartRun.Run(args.Contains("--counts"), Console.Out);
    default:
        Console.Error.WriteLine("iotpsk-bench: say what to measure: micro [BenchmarkDotNet's options], tls [--quick] [--only PART-OF-A-NAME], dtls [--quick], or restart [--counts]");
        return 2;
}
