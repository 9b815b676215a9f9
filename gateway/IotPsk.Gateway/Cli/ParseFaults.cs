using System.CommandLine;
using System.CommandLine.Parsing;

namespace IotPsk.Gateway.Cli;

/// <summary>What is wrong with a command line, one line a fault: what, where, and the help that mends it.</summary>
internal static class ParseFaults
{
    /// <summary>The faults of a command line that does not parse.</summary>
    internal static IEnumerable<string> Tell(ParseResult parsed)
    {
        Command verb = parsed.CommandResult.Command;
        string name = Name(parsed.CommandResult);
        if (verb.Subcommands.Count > 0)
        {
            string given = parsed.UnmatchedTokens is [var first, ..] ? $"\"{first}\" is no verb" : "the verb is missing";
            return [UserError.Join(given, $"after {name}", $"give one of {string.Join(", ", verb.Subcommands.Select(s => s.Name))}; see {name} --help")];
        }
        return parsed.Errors.Select(error => Tell(error, name)).Distinct();
    }

    private static string Tell(ParseError error, string verb)
    {
        (string? name, Type type) = error.SymbolResult switch
        {
            OptionResult option => (option.Option.Name, option.Option.ValueType),
            ArgumentResult { Parent: OptionResult option } => (option.Option.Name, option.Option.ValueType),
            ArgumentResult argument => (argument.Argument.Name, argument.Argument.ValueType),
            _ => ((string?)null, typeof(string)),
        };
        string what = string.Join(' ', error.Message.Split((char[])['\n', '\t', ' '], StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
        // The library names the type of the program here.
        if ((type == typeof(int) || type == typeof(int?)) && error.SymbolResult?.Tokens is [var token] && !int.TryParse(token.Value, out _))
            what = $"\"{token.Value}\" is no whole number";
        return UserError.Join(what, name ?? "on the command line", $"see {verb} --help");
    }

    /// <summary>A verb with those above it, like <c>iotpsk device enroll</c>.</summary>
    private static string Name(CommandResult result) =>
        result.Parent is CommandResult above ? $"{Name(above)} {result.Command.Name}" : "iotpsk";
}
