namespace IotPsk.Tls.Tests.Support;

/// <summary>Marks tests of what only one of the two cryptographic libraries has.</summary>
internal static class Needs
{
    public const string Name = "Needs";

    /// <summary>X25519, or records without allocation.</summary>
    public const string LibCrypto = "libcrypto";
}
