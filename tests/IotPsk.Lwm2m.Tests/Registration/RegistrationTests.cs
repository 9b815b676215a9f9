using System.Text;
using FsCheck;
using FsCheck.Fluent;
using IotPsk.Lwm2m.Coap;
using IotPsk.Lwm2m.Registration;
using IotPsk.Lwm2m.Tests.Coap;
using IotPsk.Shared;

namespace IotPsk.Lwm2m.Tests.Registration;

public class RegistrationTests : IRegistrationEvents
{
    private const string Objects = "</>;rt=\"oma.lwm2m\";ct=\"60 110 112 11542\",</1/0>,</3>;ver=1.2,</3/0>,</5/0>";

    private readonly List<string> _events = [];
    private readonly RegistrationStore _store;
    private readonly Wire _wire = new();
    private int _messageId;

    public RegistrationTests()
    {
        _store = new RegistrationStore(this);
        _wire.Server.Map(RegistrationResource.Path, new RegistrationResource(_store), andBelow: true);
    }

    void IRegistrationEvents.Registered(DeviceRegistration registration) => _events.Add("registered " + registration.DeviceId);

    void IRegistrationEvents.Updated(DeviceRegistration registration, DeviceRegistration before) => _events.Add($"updated {registration.DeviceId} {before.Lifetime}->{registration.Lifetime}");

    void IRegistrationEvents.Ended(DeviceRegistration registration, RegistrationEnd reason) => _events.Add($"{reason} {registration.DeviceId}");

    private string Ask(CoapCode method, string path, string payload = "", CoapPeer? peer = null, int format = -1)
    {
        byte[] message = Wire.Message(CoapType.Confirmable, method, ++_messageId, "", Encoding.UTF8.GetBytes(payload), options: w =>
        {
            string[] parts = path.Split('?', 2);
            CoapPath.Add(w, parts[0]);
            if (format >= 0)
                w.AddOption(CoapOption.ContentFormat, (uint)format);
            foreach (string argument in parts.Length < 2 ? [] : parts[1].Split('&'))
                w.AddOption(CoapOption.UriQuery, argument);
        });
        int before = _wire.Sent.Count;
        _wire.Server.Receive(peer ?? _wire.Peer, message, _wire.Now);
        byte[] reply = Assert.Single(_wire.Sent.Skip(before)).Message;
        var reader = new CoapReader();
        Assert.Equal(CoapFormatError.None, reader.Read(reply, 0, reply.Length));
        return CoapCodes.Format(reader.Code) + (reader.Code == CoapCode.Created ? " " + CoapPath.FormatLocation(reader) : "")
            + (reader.PayloadCount > 0 ? " " + Encoding.UTF8.GetString(reply, reader.PayloadOffset, reader.PayloadCount) : "");
    }

    private string Register(string query = "ep=device-1&lt=60&lwm2m=1.1&b=U", string objects = Objects)
    {
        string answer = Ask(CoapCode.Post, "/rd?" + query, objects, format: CoapContentFormat.LinkFormat);
        Assert.StartsWith("2.01 /rd/", answer, StringComparison.Ordinal);
        return answer[5..];
    }

    [Fact]
    public void A_device_registers_updates_and_deregisters()
    {
        string location = Register();
        DeviceRegistration registration = _store.Find("device-1")!;
        Assert.Equal(("1.1", 60u, false, "", location), (registration.Version, registration.Lifetime, registration.IsQueueMode, registration.Root, "/rd/" + registration.Location));
        Assert.Equal("/1/0 /3 1.2 /3/0 /5/0", string.Join(' ', registration.Objects.Select(o => o.Path + (o.Version is null ? "" : " " + o.Version))));
        Assert.Equal([60, 110, 112, 11542], registration.ContentFormats);
        _wire.Now += 50_000;
        Assert.Equal("2.04", Ask(CoapCode.Post, location));
        Assert.Equal("2.04", Ask(CoapCode.Post, location + "?lt=120&Q", "</3/0>,</3303/1>"));
        registration = _store.Find("device-1")!;
        Assert.Equal((120u, true, 1000L, 51_000L, 171_000L), (registration.Lifetime, registration.IsQueueMode, registration.RegisteredAt, registration.UpdatedAt, registration.ExpiresAt));
        Assert.Equal(["/3/0", "/3303/1"], registration.Objects.Select(o => o.Path.ToString()));
        Assert.Equal("2.02", Ask(CoapCode.Delete, location));
        Assert.Equal("4.04", Ask(CoapCode.Delete, location));
        Assert.Equal("4.04", Ask(CoapCode.Post, location));
        Assert.Equal(["registered device-1", "updated device-1 60->60", "updated device-1 60->120", "Deregistered device-1"], _events);
        Assert.Equal((0, long.MaxValue), (_store.Count, _store.Deadline));
    }

    [Fact]
    public void The_name_may_be_left_to_the_handshake_and_the_lifetime_to_the_default()
    {
        Register("lwm2m=1.0");
        Assert.Equal(86_400u, _store.Find("device-1")!.Lifetime);
    }

    [Fact]
    public void Another_name_than_the_devices_own_is_forbidden()
    {
        Assert.StartsWith("4.03", Ask(CoapCode.Post, "/rd?ep=device-2&lwm2m=1.1", Objects), StringComparison.Ordinal);
        Assert.StartsWith("4.03", Ask(CoapCode.Post, "/rd?ep=&lwm2m=1.1", Objects), StringComparison.Ordinal);
        Assert.Equal(0, _store.Count);
    }

    [Fact]
    public void A_device_reaches_no_registration_but_its_own()
    {
        string location = Register();
        CoapPeer other = _wire.Server.Open("device-2", null);
        Assert.Equal("4.04", Ask(CoapCode.Post, location, peer: other));
        Assert.Equal("4.04", Ask(CoapCode.Delete, location, peer: other));
        CoapPeer again = _wire.Server.Open("device-1", null);
        Assert.Equal("2.04", Ask(CoapCode.Post, location, peer: again));
    }

    [Fact]
    public void To_register_again_replaces_the_registration()
    {
        string first = Register(), second = Register();
        Assert.NotEqual(first, second);
        Assert.Equal("4.04", Ask(CoapCode.Post, first));
        Assert.Equal("2.04", Ask(CoapCode.Post, second));
        Assert.Equal(["registered device-1", "Replaced device-1", "registered device-1", "updated device-1 60->60"], _events);
    }

    [Fact]
    public void A_registration_ends_when_its_lifetime_passes_without_an_update()
    {
        string location = Register();
        Assert.Equal(61_000, _store.Deadline);
        _wire.Now = 60_999;
        _store.Expire(_wire.Now);
        Assert.Equal("2.04", Ask(CoapCode.Post, location));
        Assert.Equal(120_999, _store.Deadline);
        _wire.Now = 120_999;
        Assert.Equal("4.04", Ask(CoapCode.Post, location));
        _store.Expire(_wire.Now);
        Assert.Equal("Expired device-1", _events[^1]);
        Assert.Equal(0, _store.Count);
    }

    [Fact]
    public void A_lifetime_of_zero_is_for_ever()
    {
        Register("lt=0&lwm2m=1.1");
        Assert.Equal(long.MaxValue, _store.Deadline);
        _store.Expire(long.MaxValue - 1);
        Assert.Equal(1, _store.Count);
    }

    [Fact]
    public void A_revoked_device_is_registered_no_more()
    {
        string location = Register();
        Assert.True(_store.Remove("device-1", null, _wire.Now, RegistrationEnd.Revoked));
        Assert.Equal("4.04", Ask(CoapCode.Post, location));
        Assert.False(_store.Remove("device-1", null, _wire.Now, RegistrationEnd.Revoked));
    }

    [Theory]
    [InlineData("lwm2m=1.2", Objects, "4.12")]
    [InlineData("ep=device-1", Objects, "4.12")]
    [InlineData("lwm2m=1.1&lt=x", Objects, "4.00 lt is no")]
    [InlineData("lwm2m=1.1&lt=-1", Objects, "4.00 lt is no")]
    [InlineData("lwm2m=1.1&lt=4294967296", Objects, "4.00 lt is no")]
    [InlineData("lwm2m=1.1&lt", Objects, "4.00 lt is no")]
    [InlineData("lwm2m=1.1&b=", Objects, "4.00 b is no")]
    [InlineData("lwm2m=1.1&b=X", Objects, "4.00 b is no")]
    [InlineData("lwm2m=1.1&ep=device-1&ep=device-1", Objects, "4.00 ep stands twice")]
    [InlineData("lwm2m=1.1", "", "4.00 The list of objects is missing")]
    [InlineData("lwm2m=1.1", "</3/0", "4.00 The list of objects is no CoRE")]
    [InlineData("lwm2m=1.1", "</>;rt=\"oma.lwm2m\"", "4.00 The list names no object")]
    [InlineData("lwm2m=1.1", "</a>,</3/0/1>,<3/0>", "4.00 The list names no object")]
    public void What_is_wrong_with_a_registration_is_told(string query, string objects, string answer)
    {
        Assert.StartsWith(answer, Ask(CoapCode.Post, "/rd?" + query, objects), StringComparison.Ordinal);
        Assert.Equal(0, _store.Count);
    }

    [Fact]
    public void A_list_in_another_format_or_without_end_is_refused()
    {
        Assert.Equal("4.15", Ask(CoapCode.Post, "/rd?lwm2m=1.1", Objects, format: CoapContentFormat.Json));
        string many = string.Join(',', Enumerable.Range(0, 2001).Select(i => $"</{i}>"));
        Assert.StartsWith("4.00 The list has more than 2000 links", Ask(CoapCode.Post, "/rd?lwm2m=1.1", many), StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_list_comes_in_blocks()
    {
        byte[] list = Encoding.ASCII.GetBytes(string.Join(',', Enumerable.Range(0, 500).Select(i => $"</3303/{i}>")));
        for (int number = 0; number * 512 < list.Length; number++)
        {
            byte[] part = [.. list.Skip(number * 512).Take(512)];
            _wire.Take(Wire.Message(CoapType.Confirmable, CoapCode.Post, ++_messageId, "/rd", part, options: w =>
            {
                w.AddOption(CoapOption.UriQuery, "lwm2m=1.1");
                w.AddOption(CoapOption.Block1, new CoapBlock(number, (number + 1) * 512 < list.Length, 512).Value);
            }));
        }
        Assert.Equal(500, _store.Find("device-1")!.Objects.Count);
    }

    [Fact]
    public void A_wrong_update_changes_nothing()
    {
        string location = Register();
        DeviceRegistration before = _store.Find("device-1")!;
        Assert.StartsWith("4.00", Ask(CoapCode.Post, location + "?lt=x"), StringComparison.Ordinal);
        Assert.StartsWith("4.00", Ask(CoapCode.Post, location, "</3/0"), StringComparison.Ordinal);
        Assert.Same(before, _store.Find("device-1"));
    }

    [Theory]
    [InlineData(CoapCode.Get, "/rd", "4.05")]
    [InlineData(CoapCode.Delete, "/rd", "4.05")]
    [InlineData(CoapCode.Put, "/rd/1", "4.05")]
    [InlineData(CoapCode.Post, "/rd/1/2", "4.04")]
    [InlineData(CoapCode.Post, "/rd/1", "4.04")]
    public void Other_methods_and_paths_are_refused(CoapCode method, string path, string answer) => Assert.Equal(answer, Ask(method, path));

    [Fact]
    public void Objects_may_stand_below_a_root_of_their_own()
    {
        Register(objects: "</lwm2m/3/0>,</lwm2m>;rt=\"oma.lwm2m\";ct=112,</3/1>,</lwm2m/5>");
        DeviceRegistration registration = _store.Find("device-1")!;
        Assert.Equal("/lwm2m", registration.Root);
        Assert.Equal(["/3/0", "/5"], registration.Objects.Select(o => o.Path.ToString()));
    }

    [Fact]
    public void The_store_behaves_as_a_simple_model_of_it()
    {
        Gen<(int Kind, int Device, int Lifetime, int Pause)> step =
            from kind in Gen.Choose(0, 9)
            from device in Gen.Choose(0, 3)
            from lifetime in Gen.Choose(0, 5)
            from pause in Gen.Choose(0, 3000)
            select (kind, device, lifetime, pause);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(Arb.From(step.ListOf(200)), steps =>
        {
            var store = new RegistrationStore();
            var model = new Dictionary<string, (string Location, long End)>();
            long now = 0;
            int number = 0;
            foreach ((int kind, int device, int lifetime, int pause) in steps)
            {
                now += pause;
                string id = "d" + device;
                long end = lifetime == 0 ? long.MaxValue : now + (lifetime * 1000);
                bool known = model.TryGetValue(id, out (string Location, long End) entry) && now < entry.End;
                string location = kind == 9 ? "elsewhere" : entry.Location ?? "none";
                bool isThere = known && location == entry.Location;
                if (kind < 3)
                {
                    string made = "l" + number++;
                    store.Register(new DeviceRegistration { DeviceId = id, Location = made, Version = "1.1", Lifetime = (uint)lifetime, RegisteredAt = now, UpdatedAt = now });
                    model[id] = (made, end);
                }
                else if (kind is 3 or 9)
                {
                    if (store.Remove(id, location, now, RegistrationEnd.Deregistered) != isThere)
                        return false;
                    if (isThere)
                        model.Remove(id);
                }
                else if (kind == 4)
                {
                    store.Expire(now);
                    foreach (string gone in model.Where(e => e.Value.End <= now).Select(e => e.Key).ToArray())
                        model.Remove(gone);
                    if (store.Count != model.Count || store.Deadline != model.Values.Select(e => e.End).Append(long.MaxValue).Min())
                        return false;
                }
                else
                {
                    if (store.Update(id, location, now, r => r with { Lifetime = (uint)lifetime }) != isThere)
                        return false;
                    if (isThere)
                        model[id] = (entry.Location!, end);
                }
            }
            return true;
        }));
    }

    [Fact]
    public void A_flood_of_updates_is_too_many_requests_until_the_next_minute()
    {
        string location = Register();
        int taken = Enumerable.Range(0, 100).Count(_ => Ask(CoapCode.Post, location) == "2.04");
        Assert.Equal(29, taken);
        Assert.StartsWith("4.29", Ask(CoapCode.Post, location), StringComparison.Ordinal);
        _wire.Now += 60_000;
        Assert.StartsWith("4.04", Ask(CoapCode.Post, location), StringComparison.Ordinal);
        Register();
    }

    [Fact]
    public void A_root_that_would_not_fit_into_requests_is_refused() =>
        Assert.StartsWith("4.00", Ask(CoapCode.Post, "/rd?ep=device-1&lwm2m=1.1", $"</{new string('r', 80)}>;rt=\"oma.lwm2m\",</{new string('r', 80)}/3/0>"), StringComparison.Ordinal);
}
