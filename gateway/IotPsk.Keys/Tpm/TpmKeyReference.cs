namespace IotPsk.Keys;

/// <summary>A persistent TPM key: where it sits and which key must sit there.</summary>
/// <param name="Handle">Persistent handle, 0x81000000 to 0x817fffff.</param>
/// <param name="Name">TPM name: algorithm id and digest of the public area (TPM 2.0 Part 1, s16).</param>
public sealed record TpmKeyReference(uint Handle, byte[] Name)
{
    /// <summary>The PCRs the key is bound to; null when it is bound to none.</summary>
    public PcrSelection? Pcr { get; init; }

    /// <summary>The name in hexadecimal, as tpm2_readpublic prints it.</summary>
    public string NameHex => Convert.ToHexStringLower(Name);

    /// <inheritdoc/>
    public bool Equals(TpmKeyReference? other) =>
        other is not null && Handle == other.Handle && Name.AsSpan().SequenceEqual(other.Name);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Handle);
        hash.AddBytes(Name);
        return hash.ToHashCode();
    }
}
