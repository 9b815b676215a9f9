using IotPsk.Gateway.Serving.Lwm2m;

namespace IotPsk.Gateway.Tests.Lwm2m;

public sealed class FirmwareDirectoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("iotpsk-firmware").FullName;
    private readonly FirmwareDirectory _images;

    public FirmwareDirectoryTests()
    {
        string path = Directory.CreateDirectory(Path.Combine(_root, "images")).FullName;
        File.WriteAllBytes(Path.Combine(path, "app-1.2.bin"), [.. Enumerable.Range(0, 3000).Select(i => (byte)i)]);
        File.WriteAllText(Path.Combine(path, ".hidden"), "x");
        File.WriteAllText(Path.Combine(path, "empty"), "");
        File.WriteAllText(Path.Combine(_root, "secret"), "x");
        File.CreateSymbolicLink(Path.Combine(path, "link"), Path.Combine(_root, "secret"));
        Directory.CreateDirectory(Path.Combine(path, "below"));
        File.WriteAllText(Path.Combine(path, "below", "file"), "x");
        _images = new FirmwareDirectory(path);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void An_image_is_read_from_any_offset_and_has_another_tag_once_it_was_changed()
    {
        using FirmwareImage image = _images.Open("app-1.2.bin")!;
        byte[] some = new byte[4];
        image.Read(2996, some);
        Assert.Equal((3000, 2996 & 0xff), (image.Length, some[0]));
        Assert.Throws<EndOfStreamException>(() => image.Read(2998, some));
        Assert.Equal(3000, image.ReadAll().Length);
        string path = Path.Combine(_root, "images", "app-1.2.bin");
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(5));
        using FirmwareImage changed = _images.Open("app-1.2.bin")!;
        Assert.NotEqual(image.Tag, changed.Tag);
        Assert.Contains("app-1.2.bin", _images.List());
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../secret")]
    [InlineData("..%2fsecret")]
    [InlineData("/etc/passwd")]
    [InlineData("below/file")]
    [InlineData("below")]
    [InlineData("link")]
    [InlineData(".hidden")]
    [InlineData("empty")]
    [InlineData("none")]
    [InlineData("app-1.2.bin\0")]
    [InlineData("app-1.2.bin/")]
    public void What_is_no_plain_file_of_the_directory_is_not_given_out(string name) => Assert.Null(_images.Open(name));
}
