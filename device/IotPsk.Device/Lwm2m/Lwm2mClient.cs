using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>
    /// An LwM2M 1.1 device: it registers, serves its objects, notifies, and reports values until the server has them. It outlives
    /// associations: each is attached, and after a new one the device registers anew. One thread runs it; any thread may report.
    /// </summary>
    public sealed partial class Lwm2mClient
    {
        /// <summary>The version of LwM2M that it speaks.</summary>
        public const string Version = "1.1";

        /// <summary>The longest message over a channel that does not tell, in bytes.</summary>
        public const int DefaultMaxMessage = 512;

        // A slice of waiting, after which values that another thread reported go out, in milliseconds.
        private const int Slice = 250;
        private const int Hurry = 120;

        private readonly string _endpoint;
        private readonly Lwm2mOptions _options;
        private readonly ServerObject _server;
        private readonly FirmwareObject _firmware;
        private readonly ObjectHandler _handler;
        private readonly ILwm2mListener _listener;
        private readonly IClock _clock;
        private readonly Random _random;
        private readonly object _lock = new object();
        private readonly CoapRequest _request = new CoapRequest();
        private CoapClient _client;
        private string _location;
        private int _messageId = -1;

        // When the registration has to be renewed, in milliseconds of the clock.
        private long _updateAt;

        /// <summary>A device.</summary>
        /// <param name="endpoint">Its name, which is the device id.</param>
        /// <param name="objects">Its objects beside object 1, in ascending order: 3 at least.</param>
        /// <param name="options">What the application chose; null for the defaults.</param>
        /// <param name="listener">Hears what becomes of it.</param>
        /// <param name="clock">The clock.</param>
        /// <param name="random">Chance; devices must differ in it.</param>
        /// <exception cref="ArgumentException">An option is out of range, or there are no objects.</exception>
        public Lwm2mClient(string endpoint, Lwm2mObject[] objects, Lwm2mOptions options, ILwm2mListener listener, IClock clock, Random random)
        {
            if (endpoint == null || objects == null || objects.Length == 0)
            {
                throw new ArgumentException("An LwM2M device has a name and objects.");
            }

            _endpoint = endpoint;
            _options = options == null ? new Lwm2mOptions() : options;
            _options.Check();
            _listener = listener;
            _clock = clock;
            _random = random;
            _server = new ServerObject(_options.Lifetime, "U");
            _ring = new ValueRing(_options.RingSize);
            Lwm2mObject[] all = new Lwm2mObject[objects.Length + 1];
            all[0] = _server;
            for (int i = 0; i < objects.Length; i++)
            {
                all[i + 1] = objects[i];
                if (objects[i].Id == FirmwareObject.ObjectId)
                {
                    _firmware = (FirmwareObject)objects[i];
                }
            }

            _handler = new ObjectHandler(all, _server, clock, _lock);
        }

        /// <summary>The server object, which tells what the server wrote.</summary>
        public ServerObject Server
        {
            get { return _server; }
        }

        /// <summary>Whether the device is registered, as far as it knows.</summary>
        public bool IsRegistered
        {
            get { return _location != null; }
        }

        /// <summary>The host and port that firmware may be pulled from: the server of the association. Null: from no other URI than one without.</summary>
        public string ServerAddress { get; set; }

        /// <summary>Takes a new association.</summary>
        /// <param name="channel">The way to the server.</param>
        /// <param name="maxMessage">The longest message that it takes and gives, in bytes.</param>
        /// <param name="isResumed">Whether it is the one from before, saved and loaded; else the device registers anew.</param>
        public void Attach(IMessageChannel channel, int maxMessage, bool isResumed)
        {
            _client = new CoapClient(channel, maxMessage, _clock, _random, _handler);
            _client.AcknowledgementTimeout = _options.AcknowledgementTimeout;
            if (_messageId >= 0)
            {
                _client.NextMessageId = _messageId;
            }

            if (!isResumed)
            {
                Forget();
            }
        }

        /// <summary>Gives the association up; what is not delivered waits for the next one.</summary>
        public void Detach()
        {
            if (_client != null)
            {
                _messageId = _client.NextMessageId;
                _client = null;
            }
        }

        /// <summary>Runs the device for a while: registers, updates, serves, notifies, delivers.</summary>
        /// <param name="milliseconds">For how long; 0 does what is due now.</param>
        /// <exception cref="PskException">
        /// The server is silent (<see cref="PskError.CoapSilent"/>: attach another association), or does not register the device
        /// (<see cref="PskError.Lwm2mRefused"/>, <see cref="PskError.Lwm2mUnavailable"/>), or the association is over.
        /// </exception>
        public void Run(int milliseconds)
        {
            long end = _clock.Now + milliseconds;
            do
            {
                while (DoNext())
                {
                    // What the server asks meanwhile is served in the waits for answers.
                }

                bool isPulling = TryPull();
                long now = _clock.Now;
                long due = isPulling ? now : GetDue();
                long wait = (due < end ? due : end) - now;
                _client.Process(wait < 0 ? 0 : wait > Slice ? Slice : (int)wait);
            }
            while (_clock.Now < end);
        }

        /// <summary>Runs until everything is delivered that can be, or the time is over.</summary>
        /// <param name="milliseconds">The longest time.</param>
        /// <returns>True if nothing is left to deliver.</returns>
        /// <exception cref="PskException">As for <see cref="Run"/>.</exception>
        public bool Flush(int milliseconds)
        {
            long end = _clock.Now + milliseconds;
            do
            {
                Run(0);
                if (Undelivered == 0)
                {
                    return true;
                }

                Run(end - _clock.Now < Slice ? 1 : Slice);
            }
            while (_clock.Now < end);
            return Undelivered == 0;
        }

        /// <summary>Tells the server that the device goes; it registers again only when it is run again.</summary>
        /// <exception cref="PskException">The server is silent, or the association is over.</exception>
        public void Deregister()
        {
            string location = _location;
            Forget();
            if (location != null)
            {
                _client.Request(CoapCode.Delete, location, null);
            }
        }

        // The one thing that is due first; false if nothing is.
        private bool DoNext()
        {
            if (_location == null)
            {
                Register();
                return true;
            }

            if (_server.WantsUpdate || _clock.Now >= _updateAt)
            {
                Update();
                return true;
            }

            return TryNotify() || TryDeliver();
        }

        private long GetDue()
        {
            if (_server.WantsUpdate)
            {
                return _clock.Now;
            }

            long due = GetReportDue();
            return due < _updateAt ? due : _updateAt;
        }

        // The server knows nothing of the device any more.
        private void Forget()
        {
            lock (_lock)
            {
                _location = null;
                _isSendUnknown = false;
                _handler.Observations.Clear();
                _handler.Attributes.Clear();
            }
        }

        private void Register()
        {
            string query = "?ep=" + _endpoint + "&lt=" + _server.Lifetime.ToString() + "&lwm2m=" + Version + "&b=U" + (_options.IsQueueMode ? "&Q" : string.Empty);
            byte[] links = _handler.GetLinks();
            CoapResponse response = _client.Request(Prepare(CoapCode.Post, "/rd" + query, CoapContentFormat.LinkFormat, links, links.Length));
            if (response.Code != CoapCode.Created || response.Location == "/")
            {
                bool isTemporary = CoapCodes.GetClass(response.Code) == 5 || response.Code == CoapCode.TooManyRequests;
                throw new PskException(isTemporary ? PskError.Lwm2mUnavailable : PskError.Lwm2mRefused, CoapCodes.Format(response.Code));
            }

            _location = response.Location;
            _server.WantsUpdate = false;
            _server.HasNewLifetime = false;
            ScheduleUpdate();
            _listener.OnRegistered(_location);
        }

        private void Update()
        {
            string query = _server.HasNewLifetime ? "?lt=" + _server.Lifetime.ToString() : string.Empty;
            _server.WantsUpdate = false;
            _server.HasNewLifetime = false;
            CoapResponse response = _client.Request(CoapCode.Post, _location + query, null);
            if (response.Code == CoapCode.Changed)
            {
                ScheduleUpdate();
            }
            else if (CoapCodes.GetClass(response.Code) == 5)
            {
                // It has trouble of its own: again a little later.
                _updateAt = _clock.Now + LaterAfter(response);
            }
            else
            {
                // 4.04: the registration is over (OMA LwM2M 1.1 s6.2.2); others mean no better.
                Forget();
            }
        }

        // One object for all requests, as they follow each other.
        private CoapRequest Prepare(CoapCode method, string path, int format, byte[] payload, int count)
        {
            _request.Method = method;
            _request.Path = path;
            _request.ContentFormat = format;
            _request.Payload = payload;
            _request.Count = count;
            _request.HasBlock2 = false;
            return _request;
        }

        // Early enough for an update that is sent again and again.
        private void ScheduleUpdate()
        {
            int lifetime = _server.Lifetime;
            int margin = lifetime > 2 * Hurry ? Hurry : lifetime / 2;
            _updateAt = _clock.Now + ((lifetime - margin) * 1000L);
        }

        private static int LaterAfter(CoapResponse response)
        {
            int seconds = response.MaxAge < 1 ? 1 : response.MaxAge > 300 ? 300 : response.MaxAge;
            return seconds * 1000;
        }
    }
}
