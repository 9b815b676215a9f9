namespace IotPsk.Gateway;

/// <summary>A failure told to the user in one line: what is wrong, where, and how to mend it. Never shown as a stack trace.</summary>
internal sealed class UserError : Exception
{
    internal const int Failed = 1;
    internal const int Usage = 2;

    internal UserError(string what, string where, string mend, int exitCode = Failed, Exception? cause = null)
        : base(Join(what, where, mend), cause) => ExitCode = exitCode;

    private UserError(string lines) : base(lines) => ExitCode = Failed;

    /// <summary>1 when the thing failed, 2 when the command line was wrong.</summary>
    internal int ExitCode { get; }

    /// <summary>Several faults of one kind, each on its own line, told at once.</summary>
    internal static UserError Several(IEnumerable<string> lines) => new(string.Join('\n', lines));

    internal static string Join(string what, string where, string mend) => $"{what}; {where}; {mend}";
}
