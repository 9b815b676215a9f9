using FsCheck;
using FsCheck.Fluent;

namespace IotPsk.Shared.Tests;

public class DeviceIdTests
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";

    [Fact]
    public void Every_character_of_the_alphabet_is_valid_and_no_other()
    {
        for (int c = 0; c <= char.MaxValue; c++)
        {
            string id = "a" + (char)c;
            Assert.Equal(Alphabet.Contains((char)c), DeviceId.IsValid(id));
        }
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("a", true)]
    [InlineData("-", true)]
    [InlineData("sensor-1", true)]
    [InlineData("sensor 1", false)]
    public void The_length_is_one_or_more(string? id, bool expected) => Assert.Equal(expected, DeviceId.IsValid(id));

    [Fact]
    public void The_longest_has_64_characters()
    {
        Assert.True(DeviceId.IsValid(new string('x', 64)));
        Assert.False(DeviceId.IsValid(new string('x', 65)));
    }

    [Fact]
    public void A_text_is_valid_exactly_when_the_rule_says_so() =>
        Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
            DeviceId.IsValid(text) == (text is { Length: >= 1 and <= 64 } && text.All(Alphabet.Contains)))
        .QuickCheckThrowOnFailure();
}
