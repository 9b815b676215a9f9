using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class IdentityTests
{
    [Fact]
    public void An_external_identity_survives_writing_and_reading() =>
        Prop.ForAll(Arb.From(Samples.DeviceIds), Arb.From(Samples.Epochs), (id, epoch) =>
            ExternalIdentity.TryParse(ExternalIdentity.Format(id, epoch), out string readId, out int readEpoch)
            && readId == id && readEpoch == epoch).QuickCheckThrowOnFailure();

    [Fact]
    public void Whatever_is_read_is_what_would_be_written() =>
        Prop.ForAll(Arb.From(
                from id in Samples.DeviceIds
                from epoch in Samples.Epochs
                from at in Gen.Choose(0, 100)
                from c in Gen.Elements("0129~rs a-+".ToCharArray())
                select Mutate(ExternalIdentity.Format(id, epoch), at, c)),
            text => !ExternalIdentity.TryParse(text, out string id, out int epoch) || ExternalIdentity.Format(id, epoch) == text)
        .QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("dev")]
    [InlineData("dev~")]
    [InlineData("~1")]
    [InlineData("dev~0")]
    [InlineData("dev~01")]
    [InlineData("dev~+1")]
    [InlineData("dev~-1")]
    [InlineData("dev~1 ")]
    [InlineData("dev~R")]
    [InlineData("dev~rs")]
    [InlineData("dev~1~1")]
    [InlineData("dev~1000000000")]
    [InlineData("dev~99999999999999999999")]
    [InlineData("d/v~1")]
    [InlineData("dev~\u0661")]
    public void Any_other_spelling_is_no_identity(string? text)
    {
        Assert.False(ExternalIdentity.TryParse(text, out string id, out int epoch));
        Assert.Null(id);
        Assert.Equal(0, epoch);
    }

    [Theory]
    [InlineData("dev", 0)]
    [InlineData("dev", -3)]
    [InlineData("dev", 1000000000)]
    [InlineData("d~v", 1)]
    [InlineData("", 1)]
    [InlineData(null, 1)]
    public void What_is_no_identity_is_not_written(string? id, int epoch) =>
        Assert.Throws<ArgumentException>(() => ExternalIdentity.Format(id, epoch));

    [Fact]
    public void A_role_context_is_two_names_behind_their_lengths() =>
        Assert.Equal([1, (byte)'d', 2, (byte)'g', (byte)'w'], RoleContext.Encode("d", "gw"));

    [Fact]
    public void A_role_context_survives_and_nothing_shorter_or_longer_is_taken() =>
        Prop.ForAll(Arb.From(Samples.DeviceIds), Arb.From(Samples.ServerIds), (client, server) =>
        {
            byte[] context = RoleContext.Encode(client, server);
            return RoleContext.TryParse(context, out string readClient, out string readServer)
                && readClient == client && readServer == server
                && !RoleContext.TryParse([.. context, 0], out _, out _)
                && Enumerable.Range(0, context.Length).All(n => !RoleContext.TryParse(context[..n], out _, out _));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Role_names_are_1_to_255_bytes_long()
    {
        Assert.Equal(2 + 1 + 255, RoleContext.Encode("d", new string('x', 255)).Length);
        Assert.Throws<ArgumentException>(() => RoleContext.Encode("d", new string('x', 256)));
        Assert.Throws<ArgumentException>(() => RoleContext.Encode("d", ""));
        Assert.Throws<ArgumentException>(() => RoleContext.Encode(null, "x"));
        Assert.False(RoleContext.TryParse(null, out _, out _));
        Assert.False(RoleContext.TryParse([0, 1, 65, 66], out _, out _));
        Assert.False(RoleContext.TryParse([2, 65, 66, 0], out _, out _));
    }

    [Fact]
    public void An_imported_identity_is_laid_out_as_rfc9258_says()
    {
        var identity = new ImportedIdentity(Encoding.ASCII.GetBytes("d~1"), [0xaa], 0x0304, 2);
        Assert.Equal("0003647E310001AA03040002", Convert.ToHexString(identity.Encode()));
    }

    [Fact]
    public void An_imported_identity_survives_and_only_in_its_exact_range() =>
        Prop.ForAll(Arb.From(Samples.Bytes(1, 80)), Arb.From(Samples.Bytes(0, 80)), Arb.From(Gen.Choose(0, 0xffff)),
            (external, context, number) =>
            {
                byte[] wire = new ImportedIdentity(external, context, number, 0xffff - number).Encode();
                byte[] within = [9, .. wire, 9];
                ImportedIdentity? read = ImportedIdentity.TryParse(within, 1, wire.Length);
                return read != null && read.ExternalIdentity.SequenceEqual(external) && read.Context.SequenceEqual(context)
                    && read.TargetProtocol == number && read.TargetKdf == 0xffff - number
                    && ImportedIdentity.TryParse(within, 1, wire.Length + 1) == null
                    && Enumerable.Range(0, wire.Length).All(n => ImportedIdentity.TryParse(wire, 0, n) == null);
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void Fields_outside_their_ranges_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new ImportedIdentity([], [], 0x0304, 1));
        Assert.Throws<ArgumentException>(() => new ImportedIdentity(null, [], 0x0304, 1));
        Assert.Throws<ArgumentException>(() => new ImportedIdentity(new byte[65536], [], 0x0304, 1));
        Assert.Throws<ArgumentException>(() => new ImportedIdentity([1], null, 0x0304, 1));
        Assert.Throws<ArgumentException>(() => new ImportedIdentity([1], new byte[65536], 0x0304, 1));
        Assert.Throws<ArgumentException>(() => new ImportedIdentity([1], [], 0x10000, 1));
        Assert.Throws<ArgumentException>(() => new ImportedIdentity([1], [], 0x0304, -1));
        Assert.Null(ImportedIdentity.TryParse(null, 0, 0));
        Assert.Null(ImportedIdentity.TryParse(new byte[8], 4, 8));
        Assert.Null(ImportedIdentity.TryParse(new byte[8], -1, 4));
        Assert.Null(ImportedIdentity.TryParse([0, 0, 0, 0, 3, 4, 0, 1], 0, 8));
    }

    private static string Mutate(string text, int at, char c) =>
        at % 2 == 0 ? text.Insert(at % (text.Length + 1), c.ToString()) : text.Remove(at % text.Length, 1);
}
