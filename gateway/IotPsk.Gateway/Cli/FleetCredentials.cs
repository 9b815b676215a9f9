using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using IotPsk.Keys;

namespace IotPsk.Gateway.Cli;

/// <summary>Credentials of many devices for the factory: one after the other, never all in memory.</summary>
internal sealed class FleetCredentials(CredentialWriter writer, IReadOnlyList<DeviceRecord> devices, CommandConsole console)
{
    private const int BufferSize = 64 * 1024;
    private readonly Progress _progress = new(console.Errors, "writing credentials", devices.Count);

    /// <summary>Text, a line a device.</summary>
    internal void Lines(Stream target)
    {
        using var text = new SecretText(BufferSize);
        for (int done = 0; done < devices.Count; done++)
        {
            writer.Line(devices[done], text);
            if (text.Room < CredentialWriter.MaxLine || done == devices.Count - 1)
            {
                target.Write(text.Bytes);
                text.Clear();
            }
            _progress.Report(done + 1);
        }
    }

    /// <summary>A directory of bundles. What an interrupted run wrote already is not derived again.</summary>
    internal (JsonObject Document, string Text) Bundles(string directory, string endpoint)
    {
        if (File.Exists(directory))
            throw new UserError("this is a file", directory, "name a directory for the bundles");
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        int written = 0;
        for (int done = 0; done < devices.Count; done++)
        {
            DeviceRecord device = devices[done];
            string path = Path.Combine(directory, FileName(device.Id));
            if (!File.Exists(path))
            {
                Write(path, writer.Bundle(device, endpoint));
                written++;
            }
            else if (!writer.IsBundleOf(device, endpoint, File.ReadAllBytes(path)))
            {
                throw new UserError($"the file is no bundle of {device.Id} for epoch {writer.Fleet.ActiveEpoch!.Number} and {endpoint}", path, "name another directory, or remove it");
            }
            _progress.Report(done + 1);
        }
        FileSystem.Sync(directory);
        return (new JsonObject { ["directory"] = Path.GetFullPath(directory), ["devices"] = devices.Count, ["written"] = written },
            string.Create(CultureInfo.InvariantCulture, $"{written} bundles are written to {directory}{(written < devices.Count ? $"; {devices.Count - written} were there already" : "")}"));
    }

    // "." and ".." are device ids, and no names of files.
    internal static string FileName(string deviceId) => deviceId + ".cred";

    private static void Write(string path, byte[] bundle)
    {
        try
        {
            SecretFile.Create(path, stream => stream.Write(bundle), durable: false);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bundle);
        }
    }
}
