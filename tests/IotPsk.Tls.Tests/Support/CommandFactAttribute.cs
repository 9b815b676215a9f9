namespace IotPsk.Tls.Tests.Support;

/// <summary>A test that needs a program of the machine; it is shown as skipped where the program is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CommandFactAttribute : FactAttribute
{
    public CommandFactAttribute(string command)
    {
        Command = command;
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        if (!folders.Any(folder => File.Exists(Path.Combine(folder, command))))
            Skip = $"{command} is not installed";
    }

    public string Command { get; }
}
