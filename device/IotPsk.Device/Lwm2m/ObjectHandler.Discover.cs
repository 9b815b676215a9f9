using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    // What is there, as links (OMA LwM2M 1.1 s6.3.2, RFC 6690).
    internal sealed partial class ObjectHandler
    {
        /// <summary>The links of a registration (OMA LwM2M 1.1 s6.2.1): formats, objects, instances.</summary>
        internal byte[] GetLinks()
        {
            LinkWriter links = new LinkWriter();
            links.Add("/");
            links.AddAttribute("rt", "oma.lwm2m");
            links.AddAttribute("ct", CoapContentFormat.SenmlCbor.ToString() + " " + CoapContentFormat.SenmlJson.ToString() + " " + CoapContentFormat.Lwm2mTlv.ToString());
            for (int i = 0; i < _objects.Length; i++)
            {
                AddObject(links, _objects[i], false);
                for (int instance = 0; instance < _objects[i].InstanceCount; instance++)
                {
                    links.Add(new Lwm2mPath(_objects[i].Id, instance, -1, -1).ToString());
                }
            }

            return links.ToBytes();
        }

        private CoapCode Discover(CoapExchange exchange, Lwm2mPath path)
        {
            CoapBlock block = new CoapBlock(0, false, CoapBlock.MaxSize);
            bool hasBlock = exchange.Request.FindOption(CoapOption.Block2);
            if (hasBlock && !(exchange.Request.TryGetUInt(out uint value) && CoapBlock.TryRead(value, out block)))
            {
                return CoapCode.BadRequest;
            }

            LinkWriter links = new LinkWriter();
            for (int i = 0; i < _objects.Length; i++)
            {
                if (path.Depth == 0 || _objects[i].Id == path.ObjectId)
                {
                    DescribeObject(links, _objects[i], path);
                }
            }

            byte[] bytes = links.ToBytes();
            if (bytes.Length > MaxBody)
            {
                return CoapCode.InternalServerError;
            }

            if (block.Number > 0 && block.Offset >= bytes.Length)
            {
                return CoapCode.BadRequest;
            }

            _bodyFormat = -1;
            Array.Copy(bytes, 0, _body, 0, bytes.Length);
            WriteBody(exchange.Begin(CoapCode.Content), -1, CoapContentFormat.LinkFormat, bytes.Length, hasBlock, block);
            return CoapCode.Empty;
        }

        private void DescribeObject(LinkWriter links, Lwm2mObject target, Lwm2mPath path)
        {
            if (path.Depth < 2)
            {
                AddObject(links, target, true);
            }

            for (int instance = 0; instance < target.InstanceCount; instance++)
            {
                if (path.Depth > 1 && instance != path.Instance)
                {
                    continue;
                }

                if (path.Depth < 3)
                {
                    AddLink(links, new Lwm2mPath(target.Id, instance, -1, -1), 0);
                }

                // Below the root only objects and instances are told.
                for (int i = 0; path.Depth > 0 && i < target.ResourceCount; i++)
                {
                    if (path.Depth < 3 || target.GetResource(i) == path.Resource)
                    {
                        bool isMultiple = (target.GetTraits(i) & ResourceTraits.Multiple) != 0;
                        AddLink(links, new Lwm2mPath(target.Id, instance, target.GetResource(i), -1), isMultiple ? target.GetCount(instance, target.GetResource(i)) : 0);
                    }
                }
            }
        }

        private void AddObject(LinkWriter links, Lwm2mObject target, bool always)
        {
            if (!always && target.Version == null)
            {
                return;
            }

            links.Add(new Lwm2mPath(target.Id, -1, -1, -1).ToString());
            if (target.Version != null)
            {
                links.AddAttribute("ver", target.Version);
            }

            Describe(links, new Lwm2mPath(target.Id, -1, -1, -1));
        }

        private void AddLink(LinkWriter links, Lwm2mPath path, int dimension)
        {
            links.Add(path.ToString());
            if (dimension > 0)
            {
                links.AddAttribute("dim", dimension.ToString());
            }

            Describe(links, path);
        }

        private void Describe(LinkWriter links, Lwm2mPath path)
        {
            NotificationAttributes attributes = _attributes.Find(path);
            if (attributes != null)
            {
                attributes.Describe(links);
            }
        }
    }
}
