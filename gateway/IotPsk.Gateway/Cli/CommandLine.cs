using System.CommandLine;
using System.CommandLine.Parsing;
using IotPsk.Gateway.Cli.Tunnel;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary>The verbs of <c>iotpsk</c>. Exit codes: 0 done, 1 failed, 2 wrong command line.</summary>
internal static class CommandLine
{
    /// <summary>Runs one command line. <paramref name="redirected"/>: the output is no terminal, so secrets may go there.</summary>
    internal static int Run(string[] args, TextWriter output, TextWriter errors, bool redirected)
    {
        var common = new CommonOptions();
        var root = new RootCommand("IotPsk: pre-shared-key TLS for small devices, with keys from a TPM 2.0.\n\n" +
            "Start with: iotpsk fleet init --server-id gateway-01 --state DIR --tpm swtpm:host=127.0.0.1,port=2321");
        common.AddTo(root);
        var console = new CommandConsole(output, errors, redirected);
        root.Subcommands.Add(FleetCommands.Create(common, console));
        root.Subcommands.Add(DeviceCommands.Create(common, console));
        root.Subcommands.Add(BackupCommands.Backup(common, console));
        root.Subcommands.Add(BackupCommands.Restore(common, console));
        root.Subcommands.Add(ServeCommand.Create(common));
        root.Subcommands.Add(CheckConfigCommand.Create(common, console));
        root.Subcommands.Add(SessionCommands.Create(common, console));
        root.Subcommands.Add(Lwm2mVerbs.Create(common, console));
        root.Subcommands.Add(EventsCommand.Create(common, console));
        root.Subcommands.Add(ClientCommand.Create(common, console));
        root.Subcommands.Add(TunnelCommand.Create(common));
        // "--key @FILE" is ours: no argument stands for a file of further arguments.
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            foreach (string fault in ParseFaults.Tell(parsed))
                errors.WriteLine("iotpsk: " + fault);
            return UserError.Usage;
        }
        if (EmptyOne(parsed.CommandResult) is { } name)
        {
            errors.WriteLine($"iotpsk: {name} is empty; on the command line; give it a value, or leave it out");
            return UserError.Usage;
        }
        return Guard(() => parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = output, Error = errors }), errors);
    }

    /// <summary>The first option or argument that was given as nothing; null if none was.</summary>
    private static string? EmptyOne(CommandResult? command)
    {
        for (; command is not null; command = command.Parent as CommandResult)
        {
            foreach (SymbolResult part in command.Children)
            {
                if (part is not CommandResult && part.Tokens.Any(token => token.Value.Length == 0))
                    return part is OptionResult option ? option.Option.Name : ((ArgumentResult)part).Argument.Name;
            }
        }
        return null;
    }

    private static int Guard(Func<int> run, TextWriter errors)
    {
        try
        {
            return run();
        }
        catch (UserError error)
        {
            foreach (string line in error.Message.Split('\n'))
                errors.WriteLine("iotpsk: " + line);
            return error.ExitCode;
        }
        catch (KeysException error)
        {
            errors.WriteLine("iotpsk: " + error.Message);
            return UserError.Failed;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            errors.WriteLine("iotpsk: " + FileFault.Tell(error));
            return UserError.Failed;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            errors.WriteLine($"iotpsk: a fault of this program ({error.GetType().Name}: {error.Message}); please report it with the command line");
            return UserError.Failed;
        }
    }
}
