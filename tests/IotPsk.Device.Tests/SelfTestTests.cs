using IotPsk.Device.Native;

namespace IotPsk.Device.Tests;

public sealed class SelfTestTests
{
    [Fact]
    public void The_cryptography_of_the_native_library_gives_known_answers() => Assert.Equal(0, PskCore.SelfTest());
}
