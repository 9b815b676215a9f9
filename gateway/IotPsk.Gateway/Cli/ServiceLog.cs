using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace IotPsk.Gateway.Cli;

/// <summary>The log of a verb that runs for long: standard output, in the form of whoever reads it.</summary>
internal static class ServiceLog
{
    internal static ServiceProvider Create(bool json, bool verbose) => new ServiceCollection().AddLogging(logging =>
    {
        logging.SetMinimumLevel(verbose ? LogLevel.Debug : LogLevel.Information);
        // Whoever reads the log slowly must not slow the shards: lines are dropped, and their number is told.
        logging.Services.Configure<ConsoleLoggerOptions>(console =>
        {
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
            console.MaxQueueLength = 10_000;
        });
        if (json)
        {
            logging.AddJsonConsole(format =>
            {
                format.UseUtcTimestamp = true;
                format.TimestampFormat = "O";
            });
        }
        else if (Environment.GetEnvironmentVariable("JOURNAL_STREAM") is not null)
        {
            logging.AddSystemdConsole();
        }
        else
        {
            logging.AddSimpleConsole(format =>
            {
                format.SingleLine = true;
                format.UseUtcTimestamp = true;
                format.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
                format.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }
    }).BuildServiceProvider();
}
