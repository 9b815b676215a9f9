using FsCheck;
using FsCheck.Fluent;
using IotPsk.Tls.Dtls;

namespace IotPsk.Tls.Tests.Dtls;

public class ReplayWindowTests
{
    [Fact]
    public void A_window_agrees_with_a_set_that_forgets_nothing_but_what_is_too_old() => Prop.ForAll<byte[], bool>((steps, wide) =>
    {
        var window = default(ReplayWindow);
        var seen = new HashSet<long>();
        long newest = -1;
        foreach (byte step in steps)
        {
            long number = Math.Max(0, newest + (wide ? step - 100 : (step % 8) - 4));
            bool isNew = number > newest - 64 && !seen.Contains(number);
            if (window.IsNew((ulong)number) != isNew)
                return false;
            if (isNew && window.Add((ulong)number) != number > newest)
                return false;
            seen.Add(number);
            newest = isNew ? Math.Max(newest, number) : newest;
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_first_record_may_have_any_number_and_the_last_one_is_the_end()
    {
        var window = default(ReplayWindow);
        Assert.True(window.IsNew(0));
        Assert.True(window.Add(DtlsRecord.MaxSequence));
        Assert.False(window.IsNew(DtlsRecord.MaxSequence));
        Assert.True(window.IsNew(DtlsRecord.MaxSequence - 63));
        Assert.False(window.IsNew(DtlsRecord.MaxSequence - 64));
        Assert.False(window.IsNew(0));
    }

    [Fact]
    public void Above_a_number_everything_is_new_and_below_nothing()
    {
        var window = ReplayWindow.Above(100);
        Assert.False(window.IsNew(99));
        Assert.False(window.IsNew(40));
        Assert.True(window.IsNew(100));
        Assert.True(window.Add(101));
        Assert.True(window.IsNew(100));
        Assert.False(window.IsNew(99));
        Assert.True(ReplayWindow.Above(0).IsNew(0));
    }
}
