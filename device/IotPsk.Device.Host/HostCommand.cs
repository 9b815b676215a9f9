using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Runtime.InteropServices;

namespace IotPsk.Device.Host;

/// <summary>The command line of <c>iotpsk-device</c>. Exit codes: 0 every message was acknowledged, 1 not, 2 wrong command line.</summary>
internal static class HostCommand
{
    internal static int Run(string[] args, TextWriter output, TextWriter errors)
    {
        RootCommand root = Create(output, errors);
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                errors.WriteLine($"iotpsk-device: {Tell(error)}; on the command line; see iotpsk-device --help");
            return HostOptions.Usage;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = output, Error = errors });
        }
        catch (HostError error)
        {
            errors.WriteLine("iotpsk-device: " + error.Message);
            return error.ExitCode;
        }
        catch (Exception error) when (error is PskException or DllNotFoundException or EntryPointNotFoundException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine("iotpsk-device: " + error.Message);
            return HostOptions.Failed;
        }
    }

    // Of a number that is none the library names the type of the program.
    private static string Tell(ParseError error) =>
        error.SymbolResult is { Tokens: [var token] } symbol && (symbol as OptionResult ?? symbol.Parent as OptionResult)?.Option is { } option and (Option<int> or Option<double>)
            && !double.TryParse(token.Value, CultureInfo.InvariantCulture, out _)
            ? $"\"{token.Value}\" is no number for {option.Name}"
            : error.Message.TrimEnd('.');

    private static RootCommand Create(TextWriter output, TextWriter errors)
    {
        var bundle = new Option<string?>("--bundle") { Description = "A credential file, or a directory with nothing else in it. The vault takes them in, in place of what it holds of these devices; the files stay as they are. Without --bundle all devices of the vault run", HelpName = "FILE|DIR" };
        var vault = new Option<string>("--vault") { Description = "The directory that keeps the credentials of the virtual devices; made if it is missing", HelpName = "DIR", Required = true };
        var count = new Option<int>("--count") { Description = "Messages per device; 0 is no end", HelpName = "N" };
        var interval = new Option<double>("--interval") { Description = "Seconds from one message to the next", HelpName = "S", DefaultValueFactory = _ => 60 };
        var qos = new Option<int>("--qos") { Description = "1: every message is sent until the server acknowledges it; 0: sent once, and done when it is sent", HelpName = "0|1", DefaultValueFactory = _ => 1 };
        var once = new Option<bool>("--once") { Description = "Connect once: a lost or refused connection ends the device, with exit code 1" };
        var erase = new Option<bool>("--erase-bundle") { Description = "Overwrite and erase credential files once the vault holds them, as a board does at its first boot" };
        var rekey = new Option<bool>("--rekey") { Description = "First ask the gateway for the key of the fleet's newest epoch, on the strength of the one in the vault; one that is current is no error" };
        var json = new Option<bool>("--json") { Description = "Print one JSON object a line" };
        var dtls = new Option<bool>("--dtls") { Description = "CoAP over DTLS 1.2 instead of MQTT over TLS 1.3: every message is a confirmable POST" };
        var lwm2m = new Option<bool>("--lwm2m") { Description = "LwM2M 1.1 over DTLS 1.2 instead of MQTT over TLS 1.3: the device registers, serves its objects, and reports the temperature as /3303/0/5700" };
        var lifetime = new Option<int>("--lifetime") { Description = "With --lwm2m: seconds that the registration holds without an update", HelpName = "S", DefaultValueFactory = _ => 3600 };
        var awake = new Option<double>("--awake") { Description = "With --lwm2m --sleep: seconds that the device listens after its value was taken, before it sleeps", HelpName = "S", DefaultValueFactory = _ => 2 };
        var temperature = new Option<double>("--temperature") { Description = "With --lwm2m: degrees Celsius about which the sensor varies where this machine has none", HelpName = "C", DefaultValueFactory = _ => 21.5 };
        var firmware = new Option<string?>("--firmware") { Description = "With --lwm2m: the directory where firmware updates of the devices go; without, they take none", HelpName = "DIR" };
        var path = new Option<string>("--path") { Description = "With --dtls: the resource that messages are posted to", HelpName = "PATH", DefaultValueFactory = _ => "/echo" };
        var sleep = new Option<bool>("--sleep") { Description = "With --dtls or --lwm2m: after each message save the association in the vault, and wake up into it for the next, from another port; the last one stays saved" };
        var cid = new Option<bool>("--cid") { Description = "With --dtls or --lwm2m: ask for a connection id even if the credential does not say so" };
        var ecdhe = new Option<bool>("--ecdhe") { Description = "With --dtls or --lwm2m: ECDHE_PSK, which has forward secrecy, instead of PSK" };
        var firstTimeout = new Option<int>("--first-timeout") { Description = "With --dtls or --lwm2m: milliseconds until a lost datagram of the handshake is sent again for the first time", HelpName = "MS", DefaultValueFactory = _ => 9000 };
        Check(firstTimeout, value => value is >= 100 and <= 60000, "--first-timeout is not between 100 and 60000 milliseconds");
        Check(lifetime, value => value is >= 30 and <= 31536000, "--lifetime is not between 30 and 31536000 seconds");
        Check(awake, value => value is >= 0 and <= 86400, "--awake is not between 0 and 86400 seconds");
        Check(temperature, value => value is >= -273.15 and <= 10000, "--temperature is not between -273.15 and 10000 degrees");
        Check(path, value => value is { Length: > 0 } && value[0] == '/', "--path does not begin with a slash");
        Check(count, value => value >= 0, "--count is negative");
        Check(interval, value => value is >= 0 and <= 86400, "--interval is not between 0 and 86400 seconds");
        Check(qos, value => value is 0 or 1, "--qos is neither 0 nor 1");
        var root = new RootCommand("Runs virtual devices: the telemetry application of the boards, on the same TLS core, one instance per credential.\n\n" +
            "Example: iotpsk-device --bundle sensor-0001.cred --vault ./vault --count 3 --interval 1 --once\n" +
            "A credential file comes from: iotpsk device credentials ID --for imported --format bundle -o FILE\n" +
            "The TLS core is libiotpsk.so beside this program, or what IOTPSK_NATIVE names.\n" +
            "Exit code: 0 every message was acknowledged (with --qos 0: sent), 1 not, 2 wrong command line. Ctrl-C ends all devices in order.") { bundle, vault, count, interval, qos, once, erase, rekey, json, dtls, lwm2m, lifetime, awake, temperature, firmware, path, sleep, cid, ecdhe, firstTimeout };
        root.Validators.Add(result =>
        {
            if (!result.GetValue(dtls) && !result.GetValue(lwm2m) && (result.GetValue(sleep) || result.GetValue(cid) || result.GetValue(ecdhe)))
                result.AddError("--sleep, --cid and --ecdhe go with --dtls or --lwm2m");
            if (result.GetValue(dtls) && result.GetValue(lwm2m))
                result.AddError("--dtls and --lwm2m do not go together");
        });
        root.SetAction(parsed => Execute(new HostOptions
        {
            Bundle = parsed.GetValue(bundle),
            Vault = parsed.GetValue(vault)!,
            Count = parsed.GetValue(count),
            Interval = TimeSpan.FromSeconds(parsed.GetValue(interval)),
            QualityOfService = parsed.GetValue(qos),
            Once = parsed.GetValue(once),
            EraseBundle = parsed.GetValue(erase),
            Rekeys = parsed.GetValue(rekey),
            Json = parsed.GetValue(json),
            Datagrams = parsed.GetValue(dtls),
            Lwm2m = parsed.GetValue(lwm2m),
            Lifetime = parsed.GetValue(lifetime),
            Awake = TimeSpan.FromSeconds(parsed.GetValue(awake)),
            Temperature = parsed.GetValue(temperature),
            Firmware = parsed.GetValue(firmware),
            Path = parsed.GetValue(path)!,
            Sleeps = parsed.GetValue(sleep),
            UseConnectionId = parsed.GetValue(cid),
            UseEcdhe = parsed.GetValue(ecdhe),
            FirstTimeout = parsed.GetValue(firstTimeout),
        }, new EventPrinter(output, errors, parsed.GetValue(json))));
        return root;
    }

    private static void Check<T>(Option<T> option, Func<T?, bool> isRight, string problem) => option.Validators.Add(result =>
    {
        try
        {
            if (!isRight(result.GetValueOrDefault<T>()))
                result.AddError(problem);
        }
        catch (InvalidOperationException)
        {
            // It is no number at all; the parser says so itself.
        }
    });

    private static Vault OpenVault(string directory)
    {
        try
        {
            return new Vault(directory);
        }
        catch (PskException problem) when (problem.Code is PskError.VaultIo or PskError.VaultFull)
        {
            throw new HostError("the vault cannot be opened", directory, "name a directory that this user may make and write to");
        }
    }

    private static int Execute(HostOptions options, EventPrinter printer)
    {
        using Vault vault = OpenVault(options.Vault);
        List<int> slots = DeviceSlots.Load(vault, options);
        IDeviceRun[] devices = [.. slots.Select(IDeviceRun (slot) => options.Lwm2m ? new Lwm2mRun(vault, slot, options, printer)
            : options.Datagrams ? new DatagramRun(vault, slot, options, printer) : new DeviceRun(vault, slot, options, printer))];
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            foreach (IDeviceRun device in devices)
                device.Stop();
        }
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        int failed = 0;
        Thread[] threads = [.. devices.Select((device, index) => new Thread(() =>
        {
            if (options.Rekeys && !HostRekeying.Fetch(vault, slots[index], printer))
                Interlocked.Increment(ref failed);
            device.Run();
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        foreach (IDeviceRun device in devices)
            device.Dispose();
        return failed == 0 && devices.All(device => device.Succeeded) ? 0 : HostOptions.Failed;
    }
}
