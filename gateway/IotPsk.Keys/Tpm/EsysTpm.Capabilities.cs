using System.Buffers.Binary;
using System.Text;

namespace IotPsk.Keys;

/// <summary>What the TPM says about itself.</summary>
/// <param name="Manufacturer">Four letters of the vendor (TCG vendor id registry), e.g. IFX, STM, INTC, IBM (swtpm).</param>
/// <param name="Model">Vendor string, may be empty.</param>
/// <param name="Firmware">Firmware version, vendor defined.</param>
public sealed record TpmDescription(string Manufacturer, string Model, string Firmware);

/// <summary>TPM2_GetCapability.</summary>
public sealed unsafe partial class EsysTpm
{
    private const uint CapabilityHandles = 1;
    private const uint CapabilityCommands = 2;
    private const uint CapabilityProperties = 6;
    private const uint CommandCodeHmac = 0x155;
    private const uint PropertyManufacturer = 0x105;
    private const uint ResponseInitialize = 0x100;
    private const ushort StartupClear = 0;
    private const uint MaxHandlesAtOnce = 64;

    /// <summary>Manufacturer, model and firmware (TPM_PT_MANUFACTURER to TPM_PT_FIRMWARE_VERSION_2).</summary>
    /// <exception cref="TpmException">The TPM failed.</exception>
    public TpmDescription Describe()
    {
        var values = new Dictionary<uint, uint>();
        var list = GetCapability(CapabilityProperties, PropertyManufacturer, 8);
        for (var at = 0; at + 8 <= list.Length; at += 8)
            values[BinaryPrimitives.ReadUInt32BigEndian(list.AsSpan(at))] = BinaryPrimitives.ReadUInt32BigEndian(list.AsSpan(at + 4));
        var model = new StringBuilder();
        for (var property = PropertyManufacturer + 1; property <= PropertyManufacturer + 4; property++)
            model.Append(Letters(values.GetValueOrDefault(property)));
        var high = values.GetValueOrDefault(PropertyManufacturer + 6);
        var low = values.GetValueOrDefault(PropertyManufacturer + 7);
        var firmware = $"{high >> 16}.{high & 0xffff}.{low >> 16}.{low & 0xffff}";
        return new TpmDescription(Letters(values.GetValueOrDefault(PropertyManufacturer)), model.ToString().Trim(), firmware);
    }

    /// <summary>The first persistent handle in a range that holds nothing.</summary>
    internal uint FirstFreeHandle(uint first, uint last)
    {
        var free = first;
        while (true)
        {
            var list = GetCapability(CapabilityHandles, free, MaxHandlesAtOnce);
            var before = free;
            for (var at = 0; at + 4 <= list.Length && BinaryPrimitives.ReadUInt32BigEndian(list.AsSpan(at)) == free; at += 4)
                free++;
            if (free > last)
                throw new TpmException(TpmFault.NoSpace, $"TPM at {Address}: no free persistent handle between 0x{first:x8} and 0x{last:x8}");
            if (free - before < MaxHandlesAtOnce)
                return free;
        }
    }

    /// <summary>The persistent objects of a range.</summary>
    internal IReadOnlyList<TpmKeyReference> FindKeys(uint first, uint last)
    {
        var keys = new List<TpmKeyReference>();
        for (var next = first; next <= last;)
        {
            var list = GetCapability(CapabilityHandles, next, MaxHandlesAtOnce);
            if (list.Length < 4)
                break;
            for (var at = 0; at + 4 <= list.Length && (next = BinaryPrimitives.ReadUInt32BigEndian(list.AsSpan(at))) <= last; at += 4)
            {
                if (ReadPublic(next) is { } found)
                    keys.Add(new TpmKeyReference(next, found.Name));
            }

            next++;
        }

        return keys;
    }

    private bool HasCommand(uint commandCode)
    {
        var list = GetCapability(CapabilityCommands, commandCode, 1);
        return list.Length >= 4 && (BinaryPrimitives.ReadUInt32BigEndian(list) & 0xffff) == commandCode;
    }

    /// <summary>The elements of a capability list, without selector and count.</summary>
    private byte[] GetCapability(uint capability, uint property, uint count)
    {
        var connection = Connection;
        var started = false;
        while (true)
        {
            byte more = 0;
            nint data = 0;
            uint rc;
            var attempt = 0;
            do
            {
                rc = Tss2.Esys_GetCapability(
                    connection.Context, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, capability, property, count, &more, &data);
            }
            while (connection.Again(TpmCommand.GetCapability, rc, ref attempt));
            if (rc == ResponseInitialize && !started)
            {
                // Nobody started this TPM yet: firmware and kernel do it on hardware, a bare swtpm waits for it.
                started = true;
                Startup(connection);
                continue;
            }

            connection.Check(rc, "TPM2_GetCapability");
            return connection.Take(ref data, &Tss2.Tss2_MU_TPMS_CAPABILITY_DATA_Marshal)[8..].ToArray();
        }
    }

    private static void Startup(EsysConnection connection)
    {
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_Startup(connection.Context, StartupClear);
        while (connection.Again(TpmCommand.Startup, rc, ref attempt));
        if (rc != ResponseInitialize)
            connection.Check(rc, "TPM2_Startup");
    }

    private static string Letters(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        var text = new StringBuilder(4);
        foreach (var letter in bytes)
        {
            if (letter is > 0x20 and < 0x7f)
                text.Append((char)letter);
        }

        return text.ToString();
    }
}
