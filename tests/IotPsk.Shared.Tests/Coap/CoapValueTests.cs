using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class CoapValueTests
{
    [Fact]
    public void A_block_is_number_mark_and_size_in_its_bits() =>
        Prop.ForAll(Arb.From(Gen.Choose(0, CoapBlock.MaxNumber)), Arb.From(Gen.Elements(true, false)), Arb.From(Gen.Choose(0, 6)), (number, more, exponent) =>
        {
            var block = new CoapBlock(number, more, 16 << exponent);
            return block.Value == (uint)((number * 16) + (more ? 8 : 0) + exponent)
                && CoapBlock.TryRead(block.Value, out CoapBlock read)
                && read.Number == number && read.More == more && read.Size == 16 << exponent && read.Offset == number * (16 << exponent);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(7u)]
    [InlineData(15u)]
    [InlineData(0xfffffu)]
    [InlineData(0x1000000u)]
    public void The_reserved_size_and_more_than_24_bits_are_no_block(uint value) => Assert.False(CoapBlock.TryRead(value, out _));

    [Theory]
    [InlineData(-1, 16)]
    [InlineData(0x100000, 16)]
    [InlineData(0, 8)]
    [InlineData(0, 48)]
    [InlineData(0, 2048)]
    public void A_block_that_cannot_be_told_is_refused(int number, int size) => Assert.Throws<ArgumentException>(() => new CoapBlock(number, false, size));

    [Theory]
    [InlineData(16, 16)]
    [InlineData(31, 16)]
    [InlineData(32, 32)]
    [InlineData(1000, 512)]
    [InlineData(1024, 1024)]
    [InlineData(9000, 1024)]
    public void The_size_that_fits_is_found(int limit, int size) => Assert.Equal(size, CoapBlock.GetSize(limit));

    [Theory]
    [InlineData(0, 1, 0, true)]
    [InlineData(1, 0, 0, false)]
    [InlineData(5, 5, 0, false)]
    [InlineData(5, 5, 128000, false)]
    [InlineData(5, 5, 128001, true)]
    [InlineData(0xffffff, 0, 0, true)]
    [InlineData(0, 0x7fffff, 0, true)]
    [InlineData(0, 0x800000, 0, false)]
    [InlineData(0x800001, 0, 0, true)]
    [InlineData(0x800000, 0, 0, false)]
    public void Newer_notifications_are_told_from_older_ones(int newest, int sequence, long later, bool expected) =>
        Assert.Equal(expected, CoapObserve.IsNewer(newest, 1000, sequence, 1000 + later));

    [Theory]
    [InlineData(0, CoapCode.Content, false)]
    [InlineData(CoapNoResponse.Success, CoapCode.Content, true)]
    [InlineData(CoapNoResponse.Success, CoapCode.NotFound, false)]
    [InlineData(CoapNoResponse.ClientError, CoapCode.NotFound, true)]
    [InlineData(CoapNoResponse.ClientError, CoapCode.InternalServerError, false)]
    [InlineData(CoapNoResponse.ServerError, CoapCode.InternalServerError, true)]
    [InlineData(26, CoapCode.Changed, true)]
    public void Classes_of_responses_can_be_unwanted(int value, CoapCode code, bool expected) =>
        Assert.Equal(expected, CoapNoResponse.Suppresses(value, code));

    [Theory]
    [InlineData(CoapCode.NotFound, "4.04")]
    [InlineData(CoapCode.Continue, "2.31")]
    [InlineData(CoapCode.InternalServerError, "5.00")]
    [InlineData(CoapCode.TooManyRequests, "4.29")]
    [InlineData(CoapCode.Get, "0.01")]
    public void Codes_are_named_as_in_the_RFCs(CoapCode code, string expected) => Assert.Equal(expected, CoapCodes.Format(code));

    [Fact]
    public void Each_code_is_request_response_or_reserved()
    {
        for (int code = 0; code < 256; code++)
        {
            Assert.Equal(code is > 0 and < 32, CoapCodes.IsRequest((CoapCode)code));
            Assert.Equal(code / 32 is 2 or 4 or 5, CoapCodes.IsResponse((CoapCode)code));
        }
        Assert.Equal("Get Put Delete Fetch IPatch", string.Join(' ', Enum.GetValues<CoapCode>().Where(CoapCodes.IsIdempotent)));
    }
}
