using System.Text.Json;

namespace IotPsk.Tls.Tests.Schedule;

/// <summary>Vectors/rfc9258.json: handshakes of other implementations, every value recomputed independently.</summary>
internal static class Vectors
{
    private static readonly JsonDocument Document = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", "rfc9258.json")));

    public static IEnumerable<JsonElement> Binders => Document.RootElement.GetProperty("vectors").EnumerateArray();

    public static JsonElement PskKe => Document.RootElement.GetProperty("psk_ke_full_handshake");

    public static JsonElement Named(string name) => Binders.Single(vector => vector.GetProperty("name").GetString() == name);

    public static byte[] Bytes(this JsonElement vector, string name) => Convert.FromHexString(vector.GetProperty(name).GetString()!);

    public static TlsHash EpskHash(this JsonElement vector) => vector.GetProperty("epsk_hash").GetString() == "sha384" ? TlsHash.Sha384 : TlsHash.Sha256;

    public static TlsHash TargetHash(this JsonElement vector) => vector.GetProperty("target_kdf").GetString() == "0x0002" ? TlsHash.Sha384 : TlsHash.Sha256;
}
