// Packs messages with known content to the standard output, with the OpenIGTLink library for C++.
// Argument: the number in the header, 1 or 2. tests/fixtures/README.md says how it is built.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <string>
#include <vector>

#include "igtlCapabilityMessage.h"
#include "igtlImageMessage.h"
#include "igtlPointMessage.h"
#include "igtlPolyDataMessage.h"
#include "igtlPositionMessage.h"
#include "igtlStatusMessage.h"
#include "igtlStringMessage.h"
#include "igtlTransformMessage.h"

static int header_number = 1;

// Sets the header. An image needs that before its pixels are allocated.
static void prepare(igtl::MessageBase* message)
{
  igtl::TimeStamp::Pointer time = igtl::TimeStamp::New();
  time->SetTime(1700000000u, 250000000u);
  message->SetDeviceName("Probe 1");
  message->SetTimeStamp(time);
#if OpenIGTLink_HEADER_VERSION >= 2
  if (header_number == 2)
    {
    message->SetHeaderVersion(IGTL_HEADER_VERSION_2);
    message->SetMessageID(77);
    message->SetMetaDataElement("depth", IANA_TYPE_US_ASCII, "60 mm");
    message->SetMetaDataElement("probe", IANA_TYPE_UTF_8, "L\xc3\xa4nge");
    }
#endif
}

static void send(igtl::MessageBase* message)
{
  prepare(message);
  message->Pack();
  fwrite(message->GetPackPointer(), 1, message->GetPackSize(), stdout);
}

// An image of 3 x 2 x slices pixels; `values` are the bytes as they are sent.
static void send_image(int scalar, int components, int endian, int coordinates, int slices,
                       const std::vector<unsigned char>& values, bool part)
{
  igtl::ImageMessage::Pointer image = igtl::ImageMessage::New();
  image->SetDimensions(3, 2, slices);
  image->SetSpacing(0.5f, 0.25f, 2.0f);
  image->SetScalarType(scalar);
  image->SetNumComponents(components);
  image->SetEndian(endian);
  image->SetCoordinateSystem(coordinates);
  if (part)
    image->SetSubVolume(2, 1, 1, 1, 1, 0);
  else
    image->SetSubVolume(3, 2, slices, 0, 0, 0);
  prepare(image);
  image->AllocateScalars();
  float t[3] = {0.0f, 1.0f, 0.0f}, s[3] = {-1.0f, 0.0f, 0.0f}, n[3] = {0.0f, 0.0f, 1.0f};
  image->SetNormals(t, s, n);
  image->SetOrigin(1.0f, -2.0f, 3.5f);
  memcpy(image->GetScalarPointer(), values.data(), values.size());
  send(image);
}

static void send_images()
{
  typedef igtl::ImageMessage I;
  send_image(I::TYPE_UINT8, 1, I::ENDIAN_LITTLE, I::COORDINATE_RAS, 1, {0, 10, 20, 30, 40, 255}, false);
  send_image(I::TYPE_INT8, 1, I::ENDIAN_BIG, I::COORDINATE_LPS, 1, {0, 1, 0x7f, 0x80, 0xff, 2}, false);
  send_image(I::TYPE_UINT16, 1, I::ENDIAN_LITTLE, I::COORDINATE_LPS, 1,
             {0, 0, 1, 0, 0, 1, 0xff, 0xff, 0, 0x80, 0x34, 0x12}, false);
  send_image(I::TYPE_INT16, 1, I::ENDIAN_BIG, I::COORDINATE_LPS, 1,
             {0, 0, 0, 1, 1, 0, 0xff, 0xff, 0x80, 0, 0x12, 0x34}, false);
  send_image(I::TYPE_UINT8, 3, I::ENDIAN_LITTLE, I::COORDINATE_LPS, 1,
             {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 255}, false);
  // A volume, a part, and floating-point numbers.
  send_image(I::TYPE_UINT8, 1, I::ENDIAN_LITTLE, I::COORDINATE_LPS, 2, std::vector<unsigned char>(12, 7), false);
  send_image(I::TYPE_UINT8, 1, I::ENDIAN_LITTLE, I::COORDINATE_LPS, 1, {1, 2}, true);
  send_image(I::TYPE_FLOAT32, 1, I::ENDIAN_LITTLE, I::COORDINATE_LPS, 1, std::vector<unsigned char>(24, 0), false);
}

static void send_points()
{
  igtl::PointMessage::Pointer points = igtl::PointMessage::New();
  igtl::PointElement::Pointer first = igtl::PointElement::New();
  first->SetName("Cyst");
  first->SetGroupName("Fiducial");
  first->SetRGBA(255, 128, 0, 200);
  first->SetPosition(1.5f, -2.25f, 0.0f);
  first->SetRadius(4.0f);
  first->SetOwner("Probe 1");
  points->AddPointElement(first);
  igtl::PointElement::Pointer second = igtl::PointElement::New();
  second->SetName("N\xc3\xa4" "he");
  second->SetGroupName("");
  second->SetRGBA(0, 0, 0, 0);
  second->SetPosition(0.1f, 100.0f, -7.0f);
  second->SetRadius(0.0f);
  second->SetOwner("");
  points->AddPointElement(second);
  send(points);
}

static void send_poly_data()
{
  igtl::PolyDataMessage::Pointer data = igtl::PolyDataMessage::New();
  igtl::PolyDataPointArray::Pointer points = igtl::PolyDataPointArray::New();
  points->AddPoint(0.0f, 0.0f, 0.0f);
  points->AddPoint(4.0f, 0.0f, 0.0f);
  points->AddPoint(4.0f, 3.0f, 0.5f);
  points->AddPoint(0.0f, 3.0f, 0.5f);
  igtl::PolyDataCellArray::Pointer lines = igtl::PolyDataCellArray::New();
  igtlUint32 closed[5] = {0, 1, 2, 3, 0};
  lines->AddCell(5, closed);
  igtlUint32 open[2] = {1, 3};
  lines->AddCell(2, open);
  igtl::PolyDataCellArray::Pointer polygons = igtl::PolyDataCellArray::New();
  igtlUint32 polygon[4] = {0, 1, 2, 3};
  polygons->AddCell(4, polygon);
  data->SetPoints(points);
  data->SetLines(lines);
  data->SetPolygons(polygons);
  send(data);
}

int main(int count, char** arguments)
{
  header_number = count > 1 ? atoi(arguments[1]) : 1;
  send_images();
  send_points();

  igtl::StringMessage::Pointer ascii = igtl::StringMessage::New();
  ascii->SetString("segment");
  ascii->SetEncoding(3);
  send(ascii);
  igtl::StringMessage::Pointer utf8 = igtl::StringMessage::New();
  utf8->SetString("Gr\xc3\xb6\xc3\x9f" "e");
  utf8->SetEncoding(106);
  send(utf8);

  igtl::StatusMessage::Pointer status = igtl::StatusMessage::New();
  status->SetCode(igtl::StatusMessage::STATUS_BUSY);
  status->SetSubCode(-5);
  status->SetErrorName("Busy");
  status->SetStatusString("a model is being loaded");
  send(status);

  igtl::TransformMessage::Pointer transform = igtl::TransformMessage::New();
  igtl::Matrix4x4 matrix = {{0, -1, 0, 10}, {1, 0, 0, -20.5f}, {0, 0, 1, 30.25f}, {0, 0, 0, 1}};
  transform->SetMatrix(matrix);
  send(transform);

  igtl::CapabilityMessage::Pointer capability = igtl::CapabilityMessage::New();
  std::vector<std::string> types;
  // The library copies twelve bytes of each, so they are that long.
  types.push_back(std::string("IMAGE").append(7, '\0'));
  types.push_back(std::string("GET_CAPABIL").append(1, '\0'));
  types.push_back("TWELVE_BYTES");
  capability->SetTypes(types);
  send(capability);

  send_poly_data();

  igtl::GetStatusMessage::Pointer get_status = igtl::GetStatusMessage::New();
  send(get_status);

  // A type that the decoder skips.
  igtl::PositionMessage::Pointer position = igtl::PositionMessage::New();
  position->SetPosition(1.0f, 2.0f, 3.0f);
  position->SetQuaternion(0.0f, 0.0f, 0.0f, 1.0f);
  send(position);

#if OpenIGTLink_HEADER_VERSION < 2
  // Version 3 of the library lacks it.
  igtl::GetCapabilityMessage::Pointer get_capability = igtl::GetCapabilityMessage::New();
  send(get_capability);
#endif
  return 0;
}
