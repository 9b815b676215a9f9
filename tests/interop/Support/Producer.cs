using System.Globalization;
using System.Text;
using IotPsk.Gateway.Configuration;
using IotPsk.Gateway.Serving.Telemetry;
using Microsoft.Extensions.Logging;

namespace IotPsk.Interop.Tests.Support;

/// <summary>
/// The gateway's telemetry in a process of its own, for tests that kill it: it publishes number after number and says of each whether it was
/// taken. A line on its standard input ends it in order; one that names a file first deletes that, and then the next one does.
/// </summary>
internal static class Producer
{
    private const int Outstanding = 500;

    public static int Main(string[] arguments)
    {
        if (arguments.Length != 4 || !EndpointAddress.TryParse(arguments[1], out EndpointAddress broker, out _))
        {
            Console.Error.WriteLine("Arguments: state directory, address of the broker, first number, bytes of each message.");
            return 2;
        }
        return RunAsync(arguments[0], broker, int.Parse(arguments[2], CultureInfo.InvariantCulture), int.Parse(arguments[3], CultureInfo.InvariantCulture)).GetAwaiter().GetResult();
    }

    internal static ChildProcess Start(string state, string broker, int first, int size = 0) =>
        ChildProcess.Start("dotnet", [Program, state, broker, first.ToString(CultureInfo.InvariantCulture), size.ToString(CultureInfo.InvariantCulture)]);

    internal static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "IotPsk.Interop.Tests.dll");

    /// <summary>The numbers of which it said this.</summary>
    internal static IEnumerable<int> Numbers(ChildProcess producer, string word) => producer.Lines
        .Where(line => line.StartsWith(word + " ", StringComparison.Ordinal))
        .Select(line => int.Parse(line.AsSpan(word.Length + 1), CultureInfo.InvariantCulture));

    private static async Task<int> RunAsync(string state, EndpointAddress broker, int number, int size)
    {
        Console.SetOut(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
        using ILoggerFactory logging = LoggerFactory.Create(builder => builder.AddSimpleConsole(console => console.SingleLine = true));
        await using var telemetry = new TelemetryService(state, TimeProvider.System, logging.CreateLogger("producer"));
        await telemetry.ChangeAsync(telemetry.Prepare(new TelemetryConfiguration { Mqtt = broker }, isNeeded: true));
        using var stop = new CancellationTokenSource();
        using var room = new SemaphoreSlim(Outstanding);
        var reading = new Thread(() =>
        {
            while (Console.In.ReadLine() is { Length: > 0 } path)
                File.Delete(path);
            stop.Cancel();
        }) { IsBackground = true };
        reading.Start();
        string filling = new('x', size);
        for (; !stop.IsCancellationRequested; number++)
        {
            await room.WaitAsync();
            int n = number;
            telemetry.Publish($"dev-{n % 7}/3303/0/5700", Encoding.UTF8.GetBytes($"{n} {filling}"), retain: false, taken =>
            {
                Console.WriteLine($"{(taken ? "taken" : "refused")} {n}");
                room.Release();
            });
            await Task.Delay(1);
        }
        for (int i = 0; i < Outstanding; i++)
            await room.WaitAsync();
        await telemetry.StopAsync(TimeSpan.FromSeconds(20));
        Console.WriteLine("stopped");
        return 0;
    }
}
