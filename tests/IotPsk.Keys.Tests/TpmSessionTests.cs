using System.Security.Cryptography;
using IotPsk.Keys.Tests.Support;
using IotPsk.TestSupport;

namespace IotPsk.Keys.Tests;

/// <summary>What somebody on the bus to the TPM sees, and what is left in memory after a key was made.</summary>
public sealed class TpmSessionTests : IDisposable
{
    private const byte Mask = 0x5a;
    private readonly Swtpm _swtpm = new();
    private readonly TempDirectory _directory = new();
    private readonly TpmProxy _bus;
    private readonly FleetRecord _fleet;

    public TpmSessionTests()
    {
        _bus = new TpmProxy(_swtpm.Port);
        using var tpm = new EsysTpm(_swtpm.Tcti);
        _fleet = FleetSetup.Init(State, tpm, new FleetSetupOptions { ServerId = "gateway-01" });
    }

    private StateDirectory State => StateDirectory.OpenOrCreate(_directory["state"]);

    public void Dispose()
    {
        _bus.Dispose();
        _swtpm.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Derived_keys_and_secrets_to_be_wrapped_cross_the_bus_encrypted_in_a_session(bool encrypt)
    {
        using var tpm = Open(encrypt);
        byte[] mac = new byte[32], secret = RandomNumberGenerator.GetBytes(32), again = new byte[32];
        tpm.Hmac(_fleet.ActiveEpoch!.Key, "message"u8, mac);
        tpm.Hmac(tpm.CreateDeviceKey(_fleet.StorageRoot, secret), "message"u8, again);

        Assert.Equal(HMACSHA256.HashData(secret, "message"u8), again);
        Assert.Equal(!encrypt, _bus.Saw(mac));
        Assert.Equal(!encrypt, _bus.Saw(secret));
        Assert.Equal(!encrypt, _bus.Saw(again));
        Assert.Equal(!encrypt, _bus.Saw("message"u8));
        Assert.Equal(encrypt ? 1 : 0, tpm.Counters[TpmCommand.StartAuthSession]);
        using var plain = new EsysTpm(_swtpm.Tcti);
        plain.Open();
        var expected = new byte[32];
        plain.Hmac(_fleet.ActiveEpoch.Key, "message"u8, expected);
        Assert.Equal(expected, mac);
    }

    [Fact]
    public void Passwords_do_not_cross_the_bus_in_a_session()
    {
        _swtpm.Tool("tpm2_changeauth", "-c", "owner", "owner-password");
        using (var tpm = Open(encrypt: true, owner: "owner-password"))
        {
            var fleet = FleetRotation.Rotate(State, tpm, new FleetRotationOptions()).Fleet;
            FleetSelfTest.Run(tpm, fleet);
            FleetRotation.Retire(State, tpm, 1);
        }

        Assert.False(_bus.Saw("owner-password"u8));
        using (var tpm = Open(encrypt: false, owner: "owner-password"))
            FleetRotation.Rotate(State, tpm, new FleetRotationOptions());
        Assert.True(_bus.Saw("owner-password"u8));
    }

    [Fact]
    public void Session_is_ended_with_the_connection()
    {
        using (var tpm = Open(encrypt: true))
            FleetSelfTest.Run(tpm, _fleet);

        Assert.Equal("", _swtpm.Tool("tpm2_getcap", "handles-loaded-session").Trim());
    }

    [Fact]
    public async Task Session_is_opened_anew_after_the_tpm_was_restarted()
    {
        using var owner = new TpmOwner(
            new EsysTpm(new TpmOptions { Tcti = _swtpm.Tcti, EncryptSession = true, StorageRoot = _fleet.StorageRoot }), new TpmOwnerOptions(), TimeProvider.System,
            tpm => FleetSelfTest.Run(tpm, _fleet));
        await owner.CheckAsync();

        _swtpm.Kill();
        _swtpm.Start();

        Assert.True((await owner.CheckAsync()).Ready);
        Assert.Equal(2, owner.Counters[TpmCommand.StartAuthSession]);
    }

    [Fact]
    public void Nothing_is_salted_to_a_storage_root_that_is_not_the_fleets()
    {
        using var other = new Swtpm();
        using var bus = new TpmProxy(other.Port);
        using (var setup = new EsysTpm(other.Tcti))
        {
            setup.Open();
            setup.EnsureStorageRoot(0x81000001);
        }

        using var tpm = new EsysTpm(new TpmOptions { Tcti = bus.Tcti, EncryptSession = true, StorageRoot = _fleet.StorageRoot });
        tpm.Open();
        var e = Assert.Throws<TpmException>(() => FleetSelfTest.Run(tpm, _fleet));

        Assert.True(e.Fault is TpmFault.KeyMismatch or TpmFault.KeyMissing);
        Assert.Equal(0, tpm.Counters[TpmCommand.StartAuthSession]);
        Assert.Equal(0, tpm.Counters[TpmCommand.Hmac]);
    }

    [Fact]
    public void Answer_that_somebody_changed_is_not_taken_in_a_session()
    {
        using var tpm = Open(encrypt: true);
        FleetSelfTest.Run(tpm, _fleet);
        _bus.Answer = (_, answer) =>
        {
            var changed = (byte[])answer.Clone();
            changed[20] ^= 1;
            return changed;
        };

        Assert.Throws<TpmException>(() => FleetSelfTest.Run(tpm, _fleet));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Key_is_nowhere_in_memory_once_it_was_used_and_zeroed(bool encrypt)
    {
        using var tpm = new EsysTpm(new TpmOptions { Tcti = _swtpm.Tcti, EncryptSession = encrypt, StorageRoot = _fleet.StorageRoot });
        tpm.Open();
        var key = GC.AllocateUninitializedArray<byte>(32, pinned: true);
        var masked = new byte[32];
        tpm.Hmac(_fleet.ActiveEpoch!.Key, "message"u8, key);
        for (var i = 0; i < key.Length; i++)
            masked[i] = (byte)(key[i] ^ Mask);
        // The control: as long as it is in use it is found.
        Assert.NotEqual(0, OwnMemory.Count(masked, Mask));

        CryptographicOperations.ZeroMemory(key);

        Assert.Equal(0, OwnMemory.Count(masked, Mask));
    }

    private EsysTpm Open(bool encrypt, string owner = "")
    {
        var tpm = new EsysTpm(new TpmOptions
        {
            Tcti = _bus.Tcti,
            EncryptSession = encrypt,
            StorageRoot = _fleet.StorageRoot,
            OwnerAuth = System.Text.Encoding.ASCII.GetBytes(owner),
        });
        tpm.Open();
        return tpm;
    }
}
