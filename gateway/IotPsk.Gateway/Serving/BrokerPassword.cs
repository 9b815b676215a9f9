namespace IotPsk.Gateway.Serving;

/// <summary>The password by which the gateway proves itself to the broker: for its own session and for those of the devices.</summary>
internal static class BrokerPassword
{
    /// <summary>Name of the systemd credential (LoadCredential=) that is used where no file is named.</summary>
    internal const string Credential = "mqtt-password";

    /// <summary>Bytes at most.</summary>
    internal const int MaxSize = 1024;

    /// <summary>The password; null for none.</summary>
    /// <param name="file">The file that the configuration names, or null.</param>
    /// <exception cref="UserError">It cannot be read.</exception>
    internal static byte[]? Read(string? file) =>
        (file ?? CredentialFile.OfService(Credential)) is { } path ? CredentialFile.Read(path, "the broker's password", MaxSize) : null;
}
