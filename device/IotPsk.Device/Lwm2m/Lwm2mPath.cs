using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>A path of LwM2M: object, instance, resource, resource instance (OMA LwM2M 1.1 s7.3.1); -1 for what is not given.</summary>
    public struct Lwm2mPath
    {
        /// <summary>The largest id; 65535 is reserved.</summary>
        public const int MaxId = 65534;

        private const int LevelsMax = 4;

        private readonly int _depth;
        private readonly int _object;
        private readonly int _instance;
        private readonly int _resource;
        private readonly int _resourceInstance;

        /// <summary>A path.</summary>
        /// <param name="objectId">The object, or -1.</param>
        /// <param name="instance">The object instance, or -1.</param>
        /// <param name="resource">The resource, or -1.</param>
        /// <param name="resourceInstance">The resource instance, or -1.</param>
        public Lwm2mPath(int objectId, int instance, int resource, int resourceInstance)
        {
            _object = objectId;
            _instance = objectId < 0 ? -1 : instance;
            _resource = _instance < 0 ? -1 : resource;
            _resourceInstance = _resource < 0 ? -1 : resourceInstance;
            _depth = _object < 0 ? 0 : _instance < 0 ? 1 : _resource < 0 ? 2 : _resourceInstance < 0 ? 3 : 4;
        }

        /// <summary>How many ids it has, 0 to 4.</summary>
        public int Depth
        {
            get { return _depth; }
        }

        /// <summary>The object.</summary>
        public int ObjectId
        {
            get { return _depth == 0 ? -1 : _object; }
        }

        /// <summary>The object instance.</summary>
        public int Instance
        {
            get { return _depth == 0 ? -1 : _instance; }
        }

        /// <summary>The resource.</summary>
        public int Resource
        {
            get { return _depth == 0 ? -1 : _resource; }
        }

        /// <summary>The resource instance.</summary>
        public int ResourceInstance
        {
            get { return _depth == 0 ? -1 : _resourceInstance; }
        }

        /// <summary>Reads a path like <c>/3303/0/5700</c>; the slash in front may be missing.</summary>
        /// <param name="text">The text, or null.</param>
        /// <param name="path">What it says.</param>
        /// <returns>False if it is none.</returns>
        public static bool TryParse(string text, out Lwm2mPath path)
        {
            int[] ids = new int[] { -1, -1, -1, -1 };
            path = new Lwm2mPath(-1, -1, -1, -1);
            if (text == null || text.Length == 0)
            {
                return false;
            }

            int depth = 0;
            for (int at = text[0] == '/' ? 1 : 0; at < text.Length; at++)
            {
                int end = text.IndexOf('/', at);
                end = end < 0 ? text.Length : end;
                int id = 0;
                bool right = depth < LevelsMax && end > at && end - at <= 5 && (text[at] != '0' || end - at == 1) && (end < text.Length - 1 || end == text.Length);
                for (; right && at < end; at++)
                {
                    right = text[at] >= '0' && text[at] <= '9';
                    id = (id * 10) + text[at] - '0';
                }

                if (!right || id > MaxId)
                {
                    return false;
                }

                ids[depth++] = id;
            }

            path = new Lwm2mPath(ids[0], ids[1], ids[2], ids[3]);
            return true;
        }

        /// <summary>Reads the path of a request.</summary>
        /// <param name="request">The request.</param>
        /// <param name="path">What it names.</param>
        /// <returns>False if it names no object, instance or resource.</returns>
        public static bool TryRead(CoapReader request, out Lwm2mPath path)
        {
            int[] ids = new int[] { -1, -1, -1, -1 };
            path = new Lwm2mPath(-1, -1, -1, -1);
            int depth = 0;
            request.RewindOptions();
            while (request.ReadOption())
            {
                if (request.OptionNumber != CoapOption.UriPath)
                {
                    continue;
                }

                int id = 0;
                int length = request.OptionLength;
                bool right = depth < LevelsMax && length > 0 && length <= 5 && (request.Buffer[request.OptionOffset] != '0' || length == 1);
                for (int i = 0; right && i < length; i++)
                {
                    int c = request.Buffer[request.OptionOffset + i];
                    right = c >= '0' && c <= '9';
                    id = (id * 10) + c - '0';
                }

                if (!right || id > MaxId)
                {
                    return false;
                }

                ids[depth++] = id;
            }

            path = new Lwm2mPath(ids[0], ids[1], ids[2], ids[3]);
            return true;
        }

        /// <summary>Tells whether a path is this one or lies below it.</summary>
        /// <param name="other">The path.</param>
        /// <returns>True if it does.</returns>
        public bool Contains(Lwm2mPath other)
        {
            return (_depth < 1 || _object == other.ObjectId) && (_depth < 2 || _instance == other.Instance)
                && (_depth < 3 || _resource == other.Resource) && (_depth < 4 || _resourceInstance == other.ResourceInstance);
        }

        /// <summary>Tells whether a path is this one.</summary>
        /// <param name="other">The path.</param>
        /// <returns>True if it is.</returns>
        public bool IsSame(Lwm2mPath other)
        {
            return _depth == other.Depth && Contains(other);
        }

        /// <summary>The path as LwM2M writes it.</summary>
        /// <returns>For example <c>/3303/0/5700</c>; <c>/</c> for all objects.</returns>
        public override string ToString()
        {
            string text = _depth < 1 ? "/" : "/" + _object.ToString();
            text += _depth < 2 ? string.Empty : "/" + _instance.ToString();
            text += _depth < 3 ? string.Empty : "/" + _resource.ToString();
            return text + (_depth < 4 ? string.Empty : "/" + _resourceInstance.ToString());
        }
    }
}
