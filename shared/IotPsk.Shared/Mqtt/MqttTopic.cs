namespace IotPsk.Shared
{
    /// <summary>Topic names and topic filters (MQTT 3.1.1 s4.7).</summary>
    public static class MqttTopic
    {
        /// <summary>Tells whether a message can be published to a topic.</summary>
        /// <param name="topic">The topic name; may be null.</param>
        /// <returns>True for 1 to 65535 bytes of UTF-8 without U+0000 and without wildcards (s3.3.2.1, s4.7.3).</returns>
        public static bool IsName(string topic)
        {
            return IsText(topic) && topic.IndexOf('+') < 0 && topic.IndexOf('#') < 0;
        }

        /// <summary>Tells whether one can subscribe to a topic filter.</summary>
        /// <param name="filter">The filter; may be null.</param>
        /// <returns>True if <c>+</c> fills a level and <c>#</c> is the last level (s4.7.1).</returns>
        public static bool IsFilter(string filter)
        {
            if (!IsText(filter))
            {
                return false;
            }

            for (int i = 0; i < filter.Length; i++)
            {
                char c = filter[i];
                if (c != '+' && c != '#')
                {
                    continue;
                }

                bool begins = i == 0 || filter[i - 1] == '/';
                bool ends = i == filter.Length - 1 || (c == '+' && filter[i + 1] == '/');
                if (!begins || !ends)
                {
                    return false;
                }
            }

            return true;
        }

        /// <summary>Tells whether a topic filter covers a topic name.</summary>
        /// <param name="filter">A valid filter.</param>
        /// <param name="name">A valid name.</param>
        /// <returns>True if it does; a leading wildcard covers no name that begins with <c>$</c> (s4.7.2).</returns>
        public static bool Matches(string filter, string name)
        {
            if (name[0] == '$' && (filter[0] == '+' || filter[0] == '#'))
            {
                return false;
            }

            int at = 0;
            for (int i = 0; i < filter.Length; i++)
            {
                char c = filter[i];
                if (c == '#')
                {
                    return true;
                }

                if (c == '+')
                {
                    while (at < name.Length && name[at] != '/')
                    {
                        at++;
                    }

                    continue;
                }

                if (at == name.Length)
                {
                    // "a/#" covers "a" too (s4.7.1.2).
                    return c == '/' && i == filter.Length - 2 && filter[i + 1] == '#';
                }

                if (name[at++] != c)
                {
                    return false;
                }
            }

            return at == name.Length;
        }

        private static bool IsText(string text)
        {
            return text != null && text.Length > 0 && MqttField.GetLength(text) > 0;
        }
    }
}
