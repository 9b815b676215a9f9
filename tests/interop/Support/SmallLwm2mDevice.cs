using System.Text;
using IotPsk.Shared;
using IotPsk.Tls;

namespace IotPsk.Interop.Tests.Support;

/// <summary>An LwM2M device of a few lines: registers, answers reads of one temperature, takes what is written, and refuses the rest.</summary>
internal sealed class SmallLwm2mDevice : IDisposable
{
    private readonly OurDtlsClient _client;
    private readonly CoapReader _reader = new();
    private volatile bool _registered, _stop;
    private Task _running = Task.CompletedTask;

    public SmallLwm2mDevice(int port, string identity, string key)
    {
        using var credential = new PskTlsCredential(Encoding.ASCII.GetBytes(identity), Convert.FromHexString(key), PskBinder.External, TlsHash.Sha256);
        _client = new OurDtlsClient(port, new PskDtlsClientOptions { Credential = credential, CipherSuites = [CipherSuite.TLS_PSK_WITH_AES_128_CCM_8] }) { OnMessage = Take };
        _client.Connect();
    }

    /// <summary>What was written last.</summary>
    public string? Written { get; private set; }

    /// <summary>Registers and then serves in the background.</summary>
    public void Register(string deviceId)
    {
        byte[] buffer = new byte[512], links = Encoding.ASCII.GetBytes("</3/0>,</3303/0>");
        var writer = new CoapWriter();
        writer.Begin(buffer, 0, buffer.Length, CoapType.Confirmable, CoapCode.Post, 1, [7], 0, 1);
        CoapPath.Add(writer, "/rd");
        writer.AddOption(CoapOption.ContentFormat, (uint)CoapContentFormat.LinkFormat);
        foreach (string query in (string[])["ep=" + deviceId, "lt=600", "lwm2m=1.1"])
            writer.AddOption(CoapOption.UriQuery, query);
        writer.WritePayload(links, 0, links.Length);
        _client.Send(buffer.AsSpan(0, writer.Length));
        _client.Run(() => _registered, "the device is registered");
        _running = Task.Run(() => _client.Run(() => _stop, "the device is stopped", TimeSpan.FromMinutes(10)));
    }

    public void Dispose()
    {
        _stop = true;
        _running.Wait(Poll.Patience);
        _client.Dispose();
    }

    private void Take(byte[] message)
    {
        if (_reader.Read(message, 0, message.Length) != CoapFormatError.None)
            return;
        _registered |= _reader.Code == CoapCode.Created;
        if (_reader.Type != CoapType.Confirmable || CoapCodes.GetClass(_reader.Code) != 0)
            return;
        string path = CoapPath.Format(_reader);
        bool isThere = path == "/3303/0/5700";
        if (_reader.Code == CoapCode.Get && isThere)
            Answer(CoapCode.Content, "21.5");
        else if (_reader.Code == CoapCode.Fetch && path == "/")
            Answer(CoapCode.Content, """[{"n":"/3303/0/5700","v":21.5},{"n":"/3/0/9","v":95}]""", CoapContentFormat.SenmlJson);
        else if (_reader.Code == CoapCode.Put && isThere)
        {
            Written = Encoding.UTF8.GetString(message, _reader.PayloadOffset, _reader.PayloadCount);
            Answer(CoapCode.Changed, null);
        }
        else
            Answer(CoapCode.NotFound, null);
    }

    private void Answer(CoapCode code, string? text, int format = CoapContentFormat.Text)
    {
        byte[] buffer = new byte[128];
        var writer = new CoapWriter();
        writer.Begin(buffer, 0, buffer.Length, CoapType.Acknowledgement, code, _reader.MessageId, _reader.Buffer, _reader.TokenOffset, _reader.TokenLength);
        if (text is not null)
        {
            writer.AddOption(CoapOption.ContentFormat, (uint)format);
            byte[] payload = Encoding.ASCII.GetBytes(text);
            writer.WritePayload(payload, 0, payload.Length);
        }
        _client.Send(buffer.AsSpan(0, writer.Length));
    }
}
