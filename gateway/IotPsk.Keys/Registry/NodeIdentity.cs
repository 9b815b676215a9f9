using System.Security.Cryptography;

namespace IotPsk.Keys;

/// <summary>Tells this gateway from the others of its fleet: a random name in the state directory, made when it is first asked for.</summary>
internal static class NodeIdentity
{
    private const int Size = 16;
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The name, 32 hexadecimal digits.</summary>
    /// <exception cref="RegistryException">The file cannot be read or made, or holds something else.</exception>
    internal static string Of(StateDirectory state)
    {
        var path = Path.Combine(state.Path, "node");
        try
        {
            if (!File.Exists(path))
                Make(path);
            var name = File.ReadAllText(path).TrimEnd('\n');
            return name.Length == 2 * Size && name.All(char.IsAsciiHexDigitLower) ? name : throw new RegistryException(
                RegistryFault.Damaged, $"{path} does not hold the name of a gateway: put back what was there, or remove it and take the fleet's keys over with 'iotpsk fleet import'");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(RegistryFault.Inaccessible, $"{path} cannot be read or made by user {Environment.UserName}: {e.Message}", e);
        }
    }

    // Whole or not at all, and the first of two who make it at once has it.
    private static void Make(string path)
    {
        var name = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Size));
        var partial = $"{path}.{name}";
        try
        {
            using (var file = new FileStream(partial, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OnlyOwner }))
            {
                file.Write(System.Text.Encoding.ASCII.GetBytes(name + "\n"));
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
        }
        finally
        {
            File.Delete(partial);
        }
    }
}
