using System.Text;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Keys.Tests.Support;
using IotPsk.Shared;

namespace IotPsk.Keys.Tests;

public sealed class PskAuthorityTests : IDisposable
{
    private readonly FakeRegistry _registry = new();
    private readonly PskAuthority _authority;

    public PskAuthorityTests()
    {
        _authority = new PskAuthority(_registry);
        _registry.Enrol("dev");
        _registry.Enrol("gone");
        _registry.Revoke("gone");
        _registry.Enrol("resident", DeviceMode.Resident);
        _registry.Enrol("session", DeviceMode.Session);
        _registry.SetFleet(FakeRegistry.MakeFleet((1, EpochState.Retired), (2, EpochState.Overlap), (3, EpochState.Active), (4, EpochState.Pending)));
    }

    public void Dispose() => _registry.Dispose();

    [Theory]
    [InlineData(2, Rfc9258.HkdfSha256, KeyUse.ImportedTls13Sha256, PskHash.Sha256)]
    [InlineData(3, Rfc9258.HkdfSha384, KeyUse.ImportedTls13Sha384, PskHash.Sha384)]
    public void Imported_identity_of_an_accepted_epoch_names_its_key(int epoch, int kdf, KeyUse use, PskHash hash)
    {
        var decision = _authority.Identify(Imported($"dev~{epoch}", "dev", "gw", Rfc9258.Tls13, kdf), PskProtocol.Tls13);

        Assert.Equal(PskRefusal.None, decision.Refusal);
        Assert.Equal(new KeyId("dev", epoch, use), decision.Key);
        Assert.True(decision.IsImported);
        Assert.Equal(hash, decision.Hash);
        Assert.Equal(1, decision.Generation);
    }

    [Theory]
    [InlineData(PskProtocol.Tls13, KeyUse.External13)]
    [InlineData(PskProtocol.Tls12, KeyUse.Psk12)]
    public void Plain_identity_names_the_key_of_its_protocol(PskProtocol protocol, KeyUse use)
    {
        var decision = _authority.Identify("dev~3"u8, protocol);

        Assert.True(decision.IsAccepted);
        Assert.Equal(new KeyId("dev", 3, use), decision.Key);
        Assert.False(decision.IsImported);
    }

    [Theory]
    [InlineData("dev", 3, 1, PskRefusal.None)]
    [InlineData("dev", 2, 1, PskRefusal.None)]
    [InlineData("dev", 3, 0, PskRefusal.OtherGeneration)]
    [InlineData("dev", 3, 2, PskRefusal.OtherGeneration)]
    [InlineData("dev", 1, 1, PskRefusal.UnknownEpoch)]
    [InlineData("dev", 4, 1, PskRefusal.UnknownEpoch)]
    [InlineData("dev", 0, 1, PskRefusal.WrongMode)]
    [InlineData("gone", 3, 2, PskRefusal.RevokedDevice)]
    [InlineData("resident", 3, 1, PskRefusal.WrongMode)]
    [InlineData("nobody", 3, 1, PskRefusal.UnknownDevice)]
    public void What_a_key_began_goes_on_while_device_epoch_and_generation_stand(string device, int epoch, long generation, PskRefusal refusal) =>
        Assert.Equal(refusal, _authority.Resume(new KeyId(device, epoch, KeyUse.External13), generation).Refusal);

    [Fact]
    public void An_association_of_a_device_without_tickets_goes_on_but_is_not_resumed()
    {
        var key = _authority.Identify("session~s"u8, PskProtocol.Tls12).Key;

        Assert.Equal(KeyUse.Session12, key.Use);
        Assert.Equal(PskRefusal.None, _authority.GoOn(key, 1).Refusal);
        Assert.Equal(PskRefusal.WrongMode, _authority.Resume(key, 1).Refusal);
        Assert.Equal(PskRefusal.OtherGeneration, _authority.GoOn(key, 2).Refusal);
        _registry.Revoke("session");
        Assert.Equal(PskRefusal.RevokedDevice, _authority.GoOn(key, 1).Refusal);
    }

    [Fact]
    public void Imported_identity_for_dtls_is_for_dtls_only()
    {
        var identity = Imported("dev~3", "dev", "gw", Rfc9258.Dtls13);

        Assert.Equal(KeyUse.ImportedDtls13Sha256, _authority.Identify(identity, PskProtocol.Dtls13).Key.Use);
        Assert.True(_authority.Identify(identity, PskProtocol.Dtls13).IsAccepted);
        Assert.Equal(PskRefusal.WrongTarget, _authority.Identify(identity, PskProtocol.Tls13).Refusal);
        Assert.Equal(PskRefusal.WrongTarget, _authority.Identify(identity, PskProtocol.Tls12).Refusal);
        Assert.Equal(PskRefusal.WrongTarget, _authority.Identify("dev~3"u8, PskProtocol.Dtls13).Refusal);
    }

    [Theory]
    [InlineData("nobody~3", PskRefusal.UnknownDevice)]
    [InlineData("Dev~3", PskRefusal.UnknownDevice)]
    [InlineData("gone~3", PskRefusal.RevokedDevice)]
    [InlineData("dev~1", PskRefusal.UnknownEpoch)]
    [InlineData("dev~4", PskRefusal.UnknownEpoch)]
    [InlineData("dev~5", PskRefusal.UnknownEpoch)]
    [InlineData("dev~03", PskRefusal.NotCanonical)]
    [InlineData("dev~+3", PskRefusal.NotCanonical)]
    [InlineData("dev~0", PskRefusal.NotCanonical)]
    [InlineData("dev~", PskRefusal.NotCanonical)]
    [InlineData("dev~3 ", PskRefusal.NotCanonical)]
    [InlineData("dev~3~3", PskRefusal.NotCanonical)]
    [InlineData("~3", PskRefusal.NotCanonical)]
    [InlineData("dev/x~3", PskRefusal.NotCanonical)]
    [InlineData("dev~99999999999999999999", PskRefusal.NotCanonical)]
    [InlineData("dev", PskRefusal.NotAnIdentity)]
    [InlineData("", PskRefusal.NotAnIdentity)]
    [InlineData("dév~3", PskRefusal.NotAnIdentity)]
    [InlineData("resident~3", PskRefusal.WrongMode)]
    [InlineData("dev~r", PskRefusal.WrongMode)]
    [InlineData("dev~s", PskRefusal.WrongMode)]
    [InlineData("resident~s", PskRefusal.WrongMode)]
    [InlineData("session~3", PskRefusal.WrongMode)]
    [InlineData("session~r", PskRefusal.WrongMode)]
    public void Refusals_have_exact_reasons(string external, PskRefusal reason)
    {
        Assert.Equal(reason, _authority.Identify(Encoding.UTF8.GetBytes(external), PskProtocol.Tls13).Refusal);
        Assert.Equal(reason, _authority.Identify(Encoding.UTF8.GetBytes(external), PskProtocol.Tls12).Refusal);
        if (external.Length > 0)
        {
            var imported = new ImportedIdentity(Encoding.UTF8.GetBytes(external), RoleContext.Encode("dev", "gw"), Rfc9258.Tls13, Rfc9258.HkdfSha256);
            Assert.Equal(reason, _authority.Identify(imported.Encode(), PskProtocol.Tls13).Refusal);
        }
    }

    [Fact]
    public void Resident_device_has_imported_keys_alone_and_a_session_device_those_of_sessions_alone()
    {
        var imported = new ImportedIdentity("resident~r"u8.ToArray(), RoleContext.Encode("resident", "gw"), Rfc9258.Tls13, Rfc9258.HkdfSha256).Encode();
        var resident = _authority.Identify(imported, PskProtocol.Tls13);
        Assert.Equal(new PskDecision(PskRefusal.None, new KeyId("resident", ExternalIdentity.ResidentEpoch, KeyUse.ImportedTls13Sha256), 1), resident);
        Assert.Equal(PskRefusal.WrongMode, _authority.Identify("resident~r"u8, PskProtocol.Tls13).Refusal);
        Assert.Equal(PskRefusal.WrongMode, _authority.Identify("resident~r"u8, PskProtocol.Tls12).Refusal);

        var session = _authority.Identify("session~s"u8, PskProtocol.Tls12);
        Assert.Equal(new PskDecision(PskRefusal.None, new KeyId("session", ExternalIdentity.SessionEpoch, KeyUse.Session12), 1), session);
        Assert.Equal(PskRefusal.WrongMode, _authority.Identify("session~s"u8, PskProtocol.Tls13).Refusal);

        Assert.False(resident.Key.AllowsTickets || session.Key.AllowsTickets);
        Assert.Equal(PskRefusal.WrongMode, _authority.Resume(resident.Key, 1).Refusal);
        Assert.Equal(PskRefusal.WrongMode, _authority.Resume(session.Key, 1).Refusal);
    }

    [Theory]
    [InlineData("dev", "other")] // another server
    [InlineData("gone", "gw")] // another device
    [InlineData("gw", "dev")] // roles exchanged: RFC 9258 Appendix A
    public void Context_of_another_pair_is_refused(string client, string server) =>
        Assert.Equal(PskRefusal.WrongContext, _authority.Identify(Imported("dev~3", client, server), PskProtocol.Tls13).Refusal);

    [Fact]
    public void Empty_context_is_refused()
    {
        var identity = new ImportedIdentity("dev~3"u8.ToArray(), [], Rfc9258.Tls13, Rfc9258.HkdfSha256).Encode();

        Assert.Equal(PskRefusal.WrongContext, _authority.Identify(identity, PskProtocol.Tls13).Refusal);
    }

    [Theory]
    [InlineData(0x0303, 1)]
    [InlineData(0x0304, 0)]
    [InlineData(0x0304, 3)]
    [InlineData(0xfefc, 2)]
    public void Other_targets_are_refused(int protocol, int kdf) =>
        Assert.Equal(PskRefusal.WrongTarget, _authority.Identify(Imported("dev~3", "dev", "gw", protocol, kdf), PskProtocol.Tls13).Refusal);

    [Fact]
    public void Without_a_fleet_everything_is_refused()
    {
        _registry.SetFleet(null);

        Assert.Equal(PskRefusal.NoFleet, _authority.Identify("dev~3"u8, PskProtocol.Tls13).Refusal);
    }

    [Fact]
    public void Over_long_identities_are_refused_before_they_are_parsed()
    {
        var external = new string('a', 65_000) + "~3";

        Assert.Equal(PskRefusal.NotAnIdentity, _authority.Identify(Encoding.ASCII.GetBytes(external), PskProtocol.Tls13).Refusal);
        Assert.Equal(
            PskRefusal.NotAnIdentity,
            _authority.Identify(Imported("dev~3", "dev", new string('g', 200)), PskProtocol.Tls13).Refusal);
    }

    [Fact]
    public void Longest_identity_is_accepted()
    {
        var id = new string('a', DeviceId.MaxLength);
        _registry.Enrol(id);

        Assert.True(_authority.Identify(Imported($"{id}~3", id, "gw"), PskProtocol.Tls13).IsAccepted);
        Assert.True(CanonicalIdentity.Encode(new KeyId(id, 999_999_999, KeyUse.ImportedTls13Sha256), id).Length == CanonicalIdentity.MaxSize);
    }

    [Fact]
    public void Only_the_exact_bytes_are_accepted() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<int>(),
            ArbMap.Default.ArbFor<byte>(),
            (position, value) =>
            {
                var canonical = Imported("dev~3", "dev", "gw");
                var changed = (byte[])canonical.Clone();
                changed[(uint)position % changed.Length] = value;
                var decision = _authority.Identify(changed, PskProtocol.Tls13);
                var rebuilt = decision.IsAccepted ? CanonicalIdentity.Encode(decision.Key, "gw") : [];
                return changed.AsSpan().SequenceEqual(canonical) ? decision.IsAccepted : !decision.IsAccepted || rebuilt.AsSpan().SequenceEqual(changed);
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void Arbitrary_bytes_are_refused_without_an_exception() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<byte[]>(),
            bytes => !_authority.Identify(bytes ?? [], PskProtocol.Tls13).IsAccepted && !_authority.Identify(bytes ?? [], PskProtocol.Tls12).IsAccepted)
            .QuickCheckThrowOnFailure();

    private static byte[] Imported(string external, string client, string server, int protocol = Rfc9258.Tls13, int kdf = Rfc9258.HkdfSha256) =>
        new ImportedIdentity(Encoding.ASCII.GetBytes(external), RoleContext.Encode(client, server), protocol, kdf).Encode();
}
