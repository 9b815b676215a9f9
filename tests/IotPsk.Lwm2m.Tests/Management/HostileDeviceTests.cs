using System.Text;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Management;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Management;

public class HostileDeviceTests
{
    private const string Pack = "[{\"bn\":\"/3303/0/\",\"n\":\"5700\",\"v\":21.5},{\"n\":\"5701\",\"vs\":\"Cel\"}]";

    /// <summary>A device that answers everything with something damaged costs nobody else anything, and each who asked hears how it ended.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Damaged_answers_and_notifications_fail_nothing_and_end_everything(int seed)
    {
        var chance = new Random(seed);
        var lab = new DeviceLab();
        CoapPeer peer = lab.Connect(), good = lab.Connect(shard: 0, device: "device-2");
        lab.Register(peer, objects: "/3/0 /3303/0", formats: 110);
        lab.Register(good, objects: "/3/0", device: "device-2");
        var all = new List<List<Lwm2mAnswer>>();
        for (int i = 0; i < 3000; i++)
        {
            Lwm2mVerb[] verbs = [Lwm2mVerb.Read, Lwm2mVerb.Discover, Lwm2mVerb.Observe, Lwm2mVerb.Execute, Lwm2mVerb.Cancel];
            all.Add(lab.Ask(verbs[chance.Next(verbs.Length)], chance.Next(2) == 0 ? "/3303/0/5700" : "/3/0/4", more: o => o.Verb == Lwm2mVerb.Execute ? o with { Paths = [new ObjectPath(3, 0, 4)] } : o));
            while (lab.Sent.TryDequeue(out (CoapPeer Peer, byte[] Message) sent))
            {
                bool isRequest = sent.Message[1] is > 0 and < 32;
                if (isRequest && sent.Peer == peer)
                    lab.Receive(peer, Damage(Answer(sent.Message, chance), chance));
            }
            lab.Receive(peer, Damage(DeviceLab.Message(CoapType.Confirmable, CoapCode.Content, chance.Next(65536), DeviceLab.Token("/3303/0"), 110, Encoding.ASCII.GetBytes(Pack), w => w.AddOption(CoapOption.Observe, (uint)i)), chance));
            lab.Receive(peer, Damage(DeviceLab.Message(CoapType.Confirmable, CoapCode.Post, chance.Next(65536), [9], 110, Encoding.ASCII.GetBytes(Pack), w => CoapPath.Add(w, "/dp")), chance));
            if (chance.Next(20) == 0)
                lab.Pass(chance.Next(100_000));
        }
        List<Lwm2mAnswer> served = lab.Ask(Lwm2mVerb.Read, "/3/0/1", "device-2");
        lab.Sent.Clear();
        lab.Pass(400_000);
        Assert.All(all, answers => Assert.Single(answers));
        Assert.Single(served);
        Assert.Equal(0, lab.Directory.Open);
    }

    private static byte[] Answer(byte[] request, Random chance)
    {
        byte[] token = request[4..(4 + (request[0] & 15))];
        int id = (request[2] << 8) | request[3];
        CoapCode[] codes = [CoapCode.Content, CoapCode.Content, CoapCode.Changed, CoapCode.Continue, CoapCode.NotAcceptable, CoapCode.RequestEntityIncomplete, CoapCode.NotFound, CoapCode.Empty];
        CoapCode code = codes[chance.Next(codes.Length)];
        if (code == CoapCode.Empty)
        {
            byte[] empty = new byte[4];
            CoapWriter.WriteEmpty(chance.Next(2) == 0 ? CoapType.Acknowledgement : CoapType.Reset, id, empty, 0);
            return empty;
        }
        return DeviceLab.Message(CoapType.Acknowledgement, code, id, token, chance.Next(3) == 0 ? 11542 : 110, Encoding.ASCII.GetBytes(Pack),
            chance.Next(2) == 0 ? w => w.AddOption(CoapOption.Observe, (uint)chance.Next(100)) : null,
            chance.Next(3) == 0 ? w => w.AddOption(CoapOption.Block2, new CoapBlock(chance.Next(3), true, 64).Value) : null);
    }

    private static byte[] Damage(byte[] message, Random chance)
    {
        if (chance.Next(2) == 0)
            return message;
        message[chance.Next(message.Length)] ^= (byte)(1 << chance.Next(8));
        return chance.Next(4) == 0 ? message[..chance.Next(message.Length + 1)] : message;
    }
}
