using System.Globalization;

namespace IotPsk.Keys;

/// <summary>Platform configuration registers of a TPM: what the machine's firmware, boot loader and kernel measured while it started.</summary>
public sealed class PcrSelection
{
    private const int Registers = 24;
    private static readonly (string Name, ushort Algorithm)[] Banks = [("sha256", TpmWire.AlgSha256), ("sha384", 0x000c), ("sha512", 0x000d)];
    private readonly ushort _algorithm;
    private readonly int[] _registers;

    private PcrSelection(string bank, ushort algorithm, int[] registers)
    {
        (_algorithm, _registers) = (algorithm, registers);
        Text = $"{bank}:{string.Join(',', registers)}";
    }

    /// <summary>As tpm2-tools write it: sha256:0,2,7.</summary>
    public string Text { get; }

    /// <summary>The registers, ascending.</summary>
    internal IReadOnlyList<int> Indexes => _registers;

    /// <summary>Reads BANK:REGISTER,REGISTER... with the bank sha256, sha384 or sha512 and registers 0 to 23.</summary>
    /// <exception cref="DeviceKeyException">It is none.</exception>
    public static PcrSelection Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split(':');
        var bank = Banks.FirstOrDefault(each => each.Name == parts[0]);
        if (bank.Name != null && parts.Length == 2)
        {
            var numbers = parts[1].Split(',').Select(static each =>
                int.TryParse(each, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < Registers ? number : -1).Distinct().Order().ToArray();
            if (numbers[0] >= 0)
                return new PcrSelection(bank.Name, bank.Algorithm, numbers);
        }

        throw new DeviceKeyException($"'{text}' names no PCRs: write BANK:NUMBERS with the bank sha256, sha384 or sha512 and numbers from 0 to {Registers - 1}, like sha256:0,2,7");
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>TPML_PCR_SELECTION.</summary>
    internal byte[] Wire() => Wire(_registers);

    /// <summary>TPML_PCR_SELECTION of one of them.</summary>
    internal byte[] Wire(params ReadOnlySpan<int> registers)
    {
        byte[] wire = [0, 0, 0, 1, (byte)(_algorithm >> 8), (byte)_algorithm, 3, 0, 0, 0];
        foreach (var register in registers)
            wire[7 + (register / 8)] |= (byte)(1 << (register % 8));
        return wire;
    }
}
