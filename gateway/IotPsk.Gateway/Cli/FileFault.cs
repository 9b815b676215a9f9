namespace IotPsk.Gateway.Cli;

/// <summary>What is wrong with a file that somebody named, in our form: .NET says what and where, and not how to mend it.</summary>
internal static class FileFault
{
    /// <summary>One line of what, where and how to mend.</summary>
    internal static string Tell(Exception fault)
    {
        // Only the message of most of these has the path, in single quotes.
        string message = fault.Message;
        int start = message.IndexOf('\''), end = message.LastIndexOf('\'');
        if (end <= start)
            return UserError.Join(message, "at the input and output", "see what the system says of it: df, mount, dmesg");
        string path = message[(start + 1)..end];
        return fault switch
        {
            FileNotFoundException => UserError.Join("there is no such file", path, "name the right one"),
            DirectoryNotFoundException => UserError.Join("there is no such directory", Path.GetDirectoryName(path) ?? path, "make it, or name another file"),
            UnauthorizedAccessException when Directory.Exists(path) => UserError.Join("this is a directory", path, "name a file"),
            UnauthorizedAccessException => UserError.Join($"user {Environment.UserName} may not open it", path, "name another file, or run this as its owner"),
            _ => UserError.Join(message.TrimEnd('.'), path, "name another file, or free space for it"),
        };
    }
}
