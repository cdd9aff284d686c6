// Segments a picture with model_picture.onnx, by the C++ API of ONNX Runtime: pixels in, class ids
// out. ONNX Runtime's release for your system has the headers and the library:
//
//   g++ -std=c++17 segment.cpp -I onnxruntime/include -L onnxruntime/lib -lonnxruntime -o segment
//   ./segment promoted/model_picture.onnx photo.ppm mask.pgm
//
// PPM and PGM need no further library; ImageMagick makes them: convert photo.jpg photo.ppm

#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

struct Picture {
    std::int64_t height = 0, width = 0;
    std::vector<std::uint8_t> rgb;  // By rows from the top, three bytes a pixel.
};

Picture read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    Picture picture;
    std::string kind, comment;
    int largest = 0;
    file >> kind >> std::ws;
    while (file.peek() == '#') {
        std::getline(file, comment);
    }
    file >> picture.width >> picture.height >> largest;
    file.get();  // One space before the pixels.
    if (!file || kind != "P6" || largest != 255 || picture.width < 1 || picture.height < 1) {
        throw std::runtime_error(path + ": is not a PPM of 8 bits (P6)");
    }
    picture.rgb.resize(static_cast<std::size_t>(3 * picture.width * picture.height));
    file.read(reinterpret_cast<char*>(picture.rgb.data()),
              static_cast<std::streamsize>(picture.rgb.size()));
    if (!file) {
        throw std::runtime_error(path + ": ends too early");
    }
    return picture;
}

std::vector<std::uint8_t> segment(Ort::Session& session, Picture& picture) {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const std::array<std::int64_t, 3> shape{picture.height, picture.width, 3};
    const auto image = Ort::Value::CreateTensor<std::uint8_t>(
        memory, picture.rgb.data(), picture.rgb.size(), shape.data(), shape.size());
    const char* inputs[] = {"image"};
    const char* outputs[] = {"mask"};
    auto found = session.Run(Ort::RunOptions{nullptr}, inputs, &image, 1, outputs, 1);
    const auto* mask = found[0].GetTensorData<std::uint8_t>();
    return {mask, mask + picture.height * picture.width};
}

int main(int count, char** words) {
    if (count != 4) {
        std::cerr << "usage: segment MODEL_PICTURE.onnx PICTURE.ppm MASK.pgm\n";
        return 2;
    }
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);  // It would report model and machine to Microsoft.
    try {
        Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "segment");
        Ort::Session session(env, words[1], Ort::SessionOptions{});
        Picture picture = read_ppm(words[2]);
        const auto mask = segment(session, picture);
        std::ofstream file(words[3], std::ios::binary);
        file << "P5\n" << picture.width << ' ' << picture.height << "\n255\n";
        file.write(reinterpret_cast<const char*>(mask.data()),
                   static_cast<std::streamsize>(mask.size()));
        if (!file.flush()) {
            throw std::runtime_error(std::string(words[3]) + ": cannot be written");
        }
    } catch (const std::exception& error) {
        std::cerr << "segment: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
